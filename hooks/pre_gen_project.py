"""Refuse a name that would break the project, before anything is written."""

import json
import runpy
import sys

# `tojson` writes ASCII without three quote marks in a row, so it is safe in this literal unless the
# text begins or ends with a quote mark: hence the list around the path.
answers = json.loads(r"""{{ cookiecutter | tojson }}""")
root = json.loads(r"""{{ [template_root] | tojson }}""")[0]

sys.dont_write_bytecode = True  # the template's folder may be read-only or in use
sys.path.insert(0, root)
sys.argv[1:] = ["--check", json.dumps(answers)]
runpy.run_module("tools.bake", run_name="__main__")
