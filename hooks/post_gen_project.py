"""Fill the new project's folder, in which this runs, from the template's files."""

import json
import runpy
import sys
from pathlib import Path

# `tojson` writes ASCII, and never three quote marks in a row: safe between these, as long as the
# text neither begins nor ends with one. Hence the list around the path.
answers = json.loads(r"""{{ cookiecutter | tojson }}""")
root = json.loads(r"""{{ [template_root] | tojson }}""")[0]

sys.dont_write_bytecode = True  # the template may be a folder that is read-only, or in use
sys.path.insert(0, root)
sys.argv[1:] = [str(Path.cwd()), json.dumps(answers)]
runpy.run_module("tools.bake", run_name="__main__")
