"""A worker of the `privacy` queue that exits hard after its Nth removal; run by `test_erasure.py`."""

import os
import sys
from collections.abc import Callable
from typing import Any

from functions.privacy.worker import PrivacyStep
from shared import blobs
from shared.documents import store
from shared.jobs.consumer import consume

after, message = int(sys.argv[1]), sys.argv[2]
done = 0


def counted(act: Callable[..., Any], removes: Callable[..., bool]) -> Callable[..., Any]:
    def run(*args: Any, **options: Any) -> Any:
        global done
        result = act(*args, **options)
        done += removes(*args)
        if done >= after:
            os._exit(9)
        return result

    return run


def of_the_person(container: str, partition: object, *_: object) -> bool:
    return not str(partition).startswith("privacy:")


documents: Any = store()
blobs.delete = counted(blobs.delete, lambda *_: True)
documents.batch = counted(documents.batch, of_the_person)
documents.delete = counted(documents.delete, lambda *_: True)
documents.create = counted(documents.create, lambda container, _: container == "payments")
consume(message, PrivacyStep())
