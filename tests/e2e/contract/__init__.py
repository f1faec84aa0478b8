"""The orchestration contract, row by row: what each test expects is data, so that it can be altered."""
import importlib

NAMES = ("endpoints", "lists", "runtimes", "bodies", "selection", "detail", "progress", "cancels", "retries",
         "clusters",
         "windows", "kcp", "kcp_reads", "restarts")


def sections(names):
    """The tests of each section, in this order."""
    return {name: importlib.import_module(f"contract.{name}").TESTS for name in names}
