"""A real kernel of IPython, whose cells tests run one after another."""

import os

from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook


class Kernel:
    """A kernel, whose cells are run one after another."""

    def __init__(self, folder):
        self.client = NotebookClient(new_notebook(), timeout=120, kernel_name="python3")
        self.client.create_kernel_manager()
        # Others write into the system's own folder of temporary files.
        self.client.start_new_kernel(env={**os.environ, "TMPDIR": str(folder)})
        self.client.start_new_kernel_client()

    def close(self):
        self.client._cleanup_kernel()

    def run(self, text):
        """Run a cell; its number, and its outputs by their kinds."""
        cell = new_code_cell(text)
        self.client.nb.cells.append(cell)
        at = len(self.client.nb.cells) - 1
        self.client.allow_errors = True
        self.client.execute_cell(cell, at)
        shown = {}
        for one in cell.outputs:
            found = dict(one.get("data", {}))
            if one.output_type == "stream":
                found = {one.name: one.text}
            if one.output_type == "error":
                found = {"error": f"{one.ename}: {one.evalue}"}
            for kind, value in found.items():
                shown[kind] = shown.get(kind, "") + value
        return cell.execution_count, shown

    def value(self, expression):
        """What an expression is in the kernel."""
        _, shown = self.run(f"print(repr({expression}))")
        assert "error" not in shown, shown
        return eval(shown["stdout"])
