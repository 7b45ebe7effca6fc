"""The command line: find the commands, run one, and turn errors into messages."""

import difflib
import errno
import importlib
import pkgutil
import sys
from typing import Any

import click

# Each module in these packages is a command: `fit_head.py` is `cli fit-head`, and `import_.py`, since the word alone is
# Python's, `cli import`.
PACKAGES = ("featurestore.commands", "benchmarks.commands")
CONTEXT = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 110}
KEPT = "; finished work is kept; run the same command again to continue"
# Errno values for a full disk, and for a path that cannot be written.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
UNWRITABLE = (
    *(errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.ENOENT),
    *(errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP),
)


def _add_plugins(_ctx: click.Context, _option: click.Parameter, paths: tuple[str, ...]) -> None:
    if paths:
        from featurestore import registry

        registry.add_plugins(paths)


# accepted before and after the name of every command
PLUGIN = click.Option(
    ["--plugin"],
    multiple=True,
    metavar="FILE.py",
    expose_value=False,
    callback=_add_plugins,
    help="Plug-in file with a corpus, encoder, head, protocol, check or checkpoint card; repeatable.",
)


class Commands(click.Group):
    """A group of commands that are found by listing packages. Only the command that is run is imported."""

    _resumes = False  # whether the command that runs, called again, continues

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the command line. Signals end it in one line, unless a program calls it with arguments of its own."""
        if args or options:
            return super().main(*args, **options)
        from featurestore.engines.stop import exit_on_stop

        with exit_on_stop(lambda: KEPT if self._resumes else ""):
            return super().main()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names of all commands, sorted."""
        return sorted(_modules())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command. Return None if there is no such command."""
        module = _modules().get(cmd_name)
        if module is None:
            return None
        imported = importlib.import_module(module)
        command: click.Command = imported.command
        self._resumes = getattr(imported, "RESUMES", False)
        if PLUGIN not in command.params:
            command.params.append(PLUGIN)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names. Name the closest ones where there is none."""
        name = args[0]
        if not name.startswith("-") and name not in _modules():
            close = difflib.get_close_matches(name, _modules(), n=2)
            hint = f" Did you mean {' or '.join(close)}?" if close else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        found = super().resolve_command(ctx, args)
        _refuse_repetition(ctx, *found)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Print a Problem or an error of the disk as a message, with exit code 1."""
        from featurestore import registry
        from featurestore.errors import Problem

        try:
            registry.add_plugins(ctx.params.pop("plugins"))
            return super().invoke(ctx)
        except Problem as problem:
            raise click.ClickException(str(problem)) from None
        except OSError as error:
            if error.errno not in FULL + UNWRITABLE:
                raise
            where = f": {error.filename}" if error.filename else ""
            do = "make room or choose another folder" if error.errno in FULL else "choose another folder"
            raise click.ClickException(
                f"{error.strerror}{where}\n  do: {do}, then run the same command again"
            ) from None


def _refuse_repetition(ctx: click.Context, name: str | None, command: click.Command | None, args: list[str]) -> None:
    """End with wrong usage where an option with one value is given twice: click would forget the first."""
    if command is None:
        return
    with click.Context(command, parent=ctx, info_name=name) as inner:
        _, _, given = command.make_parser(inner).parse_args(list(args))
        for option in given:
            single = isinstance(option, click.Option) and not (option.multiple or option.is_flag or option.count)
            if single and given.count(option) > 1:
                inner.fail(f"{option.opts[0]} is given {given.count(option)} times, and has one value.")


def _modules() -> dict[str, str]:
    """Map each command's name to its module."""
    return {
        module.name.rstrip("_").replace("_", "-"): f"{package}.{module.name}"
        for package in PACKAGES
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__)
    }


@click.group(cls=Commands, context_settings=CONTEXT)
@click.version_option(package_name="emofuse", prog_name="cli")
@click.option("--plugin", "plugins", multiple=True, metavar="FILE.py", help=PLUGIN.help)
def main() -> None:
    """Feature store and fusion heads for multimodal speech emotion recognition.

    Encoders are fine-tuned once and frozen; the features of every utterance go into a store; heads are fitted and
    compared on the stored features. To try it on the demo corpus:

    \b
      cli extract
      cli fit-head --head mlp
    """


if __name__ == "__main__":
    sys.exit(main())
