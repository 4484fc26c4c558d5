"""Every error Cytoscribe raises on purpose, in one tree.

A message names the thing, the value and what to do next. Anything else that is raised is a bug.
"""


class CytoscribeError(Exception):
    """Base of the errors that a user can act on; the CLI prints them without a traceback."""


class BadImageError(CytoscribeError):
    """The file is not an image that can be shown to a model (truncated, huge, not an image)."""


class BadInputError(CytoscribeError):
    """A file, folder or option has a form that is not understood."""


class ChangedEncoderError(BadInputError):
    """Vectors were made by an encoder that the library is not searched by, or no longer."""


class BusyError(CytoscribeError):
    """Another process is doing just this; it can be waited for."""


class StoreUnavailableError(CytoscribeError):
    """The database cannot be reached right now; the same call may succeed later."""


class StoreDamagedError(StoreUnavailableError):
    """The database answers, but a table of ours is gone from it."""


class MigrationError(CytoscribeError):
    """The schema in the database and the migration files disagree."""


class ModelUnavailableError(CytoscribeError):
    """Weights are missing, gated, of the wrong kind or fail their digest."""


class RemoteServiceError(CytoscribeError):
    """An external service (PubMed, a text model server) refused or did not answer."""


class WorkerError(CytoscribeError):
    """A process that was started to help has failed; what it said is in the message."""


class RefusedScoreError(CytoscribeError):
    """The tracing server takes scores, but not this one."""


class Cancelled(CytoscribeError):
    """The user stopped the work; what was finished is kept."""
