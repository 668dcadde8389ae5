"""The port of the container's engines; see `shared.engines.base`."""

from shared.engines.base import Cancelled as Cancelled
from shared.engines.base import Category as Category
from shared.engines.base import Engine as Engine
from shared.engines.base import IsCancelled as IsCancelled
from shared.engines.base import Progress as Progress
from shared.engines.base import Report as Report
from shared.engines.base import Result as Result
from shared.engines.base import composite as composite
from shared.engines.base import count_changed_outside as count_changed_outside
from shared.engines.base import feather as feather
from shared.engines.base import never_cancelled as never_cancelled
from shared.engines.base import no_progress as no_progress
from shared.engines.base import raise_if_cancelled as raise_if_cancelled
