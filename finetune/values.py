"""What the YAML files of fine-tuning have in common: frozen values, and how a file is read."""

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from tools.errors import BadInputError

Count = Annotated[int, Field(ge=1)]


class Values(BaseModel):
    """Frozen; a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


def read_yaml(path: Path) -> Any:
    """What a YAML file holds. Raises BadInputError where it cannot be read as YAML."""
    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInputError(f"{path} cannot be read as YAML: {error}") from error
