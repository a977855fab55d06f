"""The `bandi` command: a group whose commands are imported when they are called, and errors as exit statuses."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click

import bandi

COMMANDS = {
    "init": "Make a folder with a commented bandi.toml.",
    "load": "Load items, users or events from files.",
    "data": "List public data sets; load one into a folder.",
    "train": "Learn vectors, factors and segments; a running service takes them up.",
    "segments": "Show how many segments there should be, and what they are like.",
    "artifacts": "List what training made; go back to an earlier one.",
    "diet": "Show what a table costs in memory; write it narrower.",
    "recommend": "Print a ranked list for one reader.",
    "rules": "List, put and delete operators' rules: pin, boost, bury, block.",
    "experiment": "Plan, list, start, ramp, stop, conclude and report experiments.",
    "push": "Choose readers to message; report what messages brought.",
    "arms": "Show the posterior of a placement's arms.",
    "credit": "Show which lists purchases are credited to, and what a holdout says they brought.",
    "delays": "Show when reads and payments come, and whether what was foretold of them came.",
    "serve": "Serve a folder over HTTP.",
    "doctor": "Check a folder: configuration, log, snapshots.",
    "simulate": "Run policies in a world with known truth.",
    "replay": "Evaluate policies on logged decisions.",
    "leaderboard": "Rank policies and factorisers on public data and in worlds.",
    "demo": "A webtoon service with simulated readers, live.",
}
"""Each command with its help line; its code is `command` in bandi.cli.<name>."""

EXIT_STATUS = {
    "FolderBusyError": 3,
    "LogDamagedError": 4,
    "NewerVersionError": 5,
    "StorageFullError": 6,
}
"""Exit status by error; every other BandiError is 2 (mend the input)."""


class LazyGroup(click.Group):
    """Knows its commands by name, and imports one when it is called: `bandi --help` imports nothing heavy."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"bandi.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help lines, without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(bandi.__version__, prog_name="bandi")
def bandi_command() -> None:
    """Bandi recommends titles, learns from every click, and remembers it all."""


def main(arguments: list[str] | None = None) -> None:
    """Run, and turn errors into one message and an exit status; BANDI_DEBUG=1 shows the trace as well."""
    try:
        outcome: Any = bandi_command.main(args=arguments, prog_name="bandi", standalone_mode=False)
        status = outcome if isinstance(outcome, int) else 0
    except click.exceptions.Exit as error:
        status = error.exit_code
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        status = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    except Exception as error:
        from bandi.model.errors import BandiError

        if os.environ.get("BANDI_DEBUG") == "1":
            raise
        if isinstance(error, BandiError):
            click.echo(f"bandi: {error}", err=True)
            status = EXIT_STATUS.get(type(error).__name__, 2)
        else:
            click.echo(f"bandi: unexpected error: {error!r}; BANDI_DEBUG=1 shows where", err=True)
            status = 70
    sys.exit(status)
