"""Where the tree is, and which build directory is looked at."""
import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get('PCLASS_BUILD', os.path.join(TOP, 'build', 'gcc'))
