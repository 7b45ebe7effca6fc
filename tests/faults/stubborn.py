"""Programs that a signal does not end by itself."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

from featurestore.engines import stop


def swallow():
    """Ignore the exception of every signal, as a callback of a C library does."""
    while True:
        try:
            say_ready()
            time.sleep(600)
        except BaseException:
            print("swallowed")


def wait_in_thread():
    """Leave a thread that the interpreter waits for."""
    threading.Thread(target=time.sleep, args=(600,)).start()
    say_ready()
    time.sleep(600)


def end_forked_child():
    """End a forked child by a signal, and wait for longer than cleanup may take: this process must go on."""
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
    child.start()
    child.terminate()
    child.join()
    print(child.exitcode)
    time.sleep(0.6)
    say_ready()
    time.sleep(600)


def call_with_arguments():
    """Call the command line as a program does that has a handler of its own, and that keeps it."""
    import cli

    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(7))
    cli.main(["list", "heads"], standalone_mode=False)
    say_ready()
    time.sleep(600)


def say_ready():
    """Tell the test that a signal may come."""
    print("ready", flush=True)


def main(name):
    """Run a program with a child, as a command."""
    stop.GRACE, stop.LAST = 0.3, 0.1
    subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if name == "call_with_arguments":
        call_with_arguments()
    with stop.exit_on_stop(lambda: "; more"):
        globals()[name]()


if __name__ == "__main__":
    main(sys.argv[1])
