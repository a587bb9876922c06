"""Refuse a name that would break the project, before anything is written."""

import json
import runpy
import sys

# `tojson` writes ASCII, and never three quote marks in a row: safe between these, as long as the
# text neither begins nor ends with one. Hence the list around the path.
answers = json.loads(r"""{{ cookiecutter | tojson }}""")
root = json.loads(r"""{{ [template_root] | tojson }}""")[0]

sys.dont_write_bytecode = True  # the template may be a folder that is read-only, or in use
sys.path.insert(0, root)
sys.argv[1:] = ["--check", json.dumps(answers)]
runpy.run_module("tools.bake", run_name="__main__")
