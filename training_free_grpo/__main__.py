"""The command line for when `tfgrpo` is not on the path: `python -m training_free_grpo`."""

from training_free_grpo.cli import main

if __name__ == "__main__":
    main(prog_name="tfgrpo")
