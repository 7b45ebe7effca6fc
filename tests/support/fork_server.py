"""Start processes from a server that has loaded torch and transformers once: that takes milliseconds, not seconds."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

PRELOADED = ["tests.faults.extraction", "tests.support.interrupted_finetune", "tests.support.stopped_folds"]


def start(function: Callable[..., None], *arguments: Any) -> BaseProcess:
    """Call a function of a module that the server has loaded in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=function, args=arguments)
    process.start()
    return process
