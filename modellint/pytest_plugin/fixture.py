"""Lints live models as the configuration of a project says: the fixture `modellint` of pytest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from modellint.api import Inputs, Model, Names, Options, lint_live, raise_unless_clean
from modellint.config.call_arguments import one_of, options_by_rule, words
from modellint.config.plans import BUDGET, Plan, Plans
from modellint.config.settings import Settings
from modellint.inputs.live_inputs import given_inputs
from modellint.modules.live_sites import model_site
from modellint.results.report import FailLevel, Report
from modellint.suppression.per_file import without_accepted


class ProjectLinter:
    """`lint` and `assert_clean` with the configuration that governs one file, a test's own.

    Rules, options, severities, budgets, the input shapes of a model and what is ignored for a file
    or a model are as the configuration says, where the arguments do not say otherwise; they are
    those of `modellint.lint`, and are put over the configuration as those of the command line are.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)

    def lint(
        self,
        model: Model,
        inputs: Inputs = (),
        *,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        select: Names | None = None,
        ignore: Names = (),
        extend_select: Names = (),
        options: Options | None = None,
        fail_level: FailLevel | None = None,
    ) -> Report:
        """Lint a live module in this process; the module is left exactly as it was.

        Raises `UsageError` as `modellint.lint` does, and for a configuration that is not valid.
        """
        settings = Settings(
            select=None if select is None else words("select", select),
            ignore=words("ignore", ignore),
            extend_select=words("extend_select", extend_select),
            options=options_by_rule("options", options),
            fail_level=None if fail_level is None else one_of("fail_level", fail_level, FailLevel),
        )
        from modellint.building.live_models import class_of  # Imports torch.

        given = given_inputs(inputs, args, kwargs)
        plan = Plans(settings).of(self._path)
        of = class_of(model)
        path, name = model_site(of).path, of.__name__
        report = lint_live(
            model,
            given if given.specs or given.whole else given_inputs(_inputs(plan, path, name)),
            rules=plan.on,
            options={**plan.options, BUDGET: _budget(plan, path, name)},
            severities=plan.severities,
            fail_level=plan.fail_level,
        )
        return replace(report, findings=without_accepted(report, plan))

    def assert_clean(
        self,
        model: Model,
        inputs: Inputs = (),
        *,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        select: Names | None = None,
        ignore: Names = (),
        extend_select: Names = (),
        options: Options | None = None,
        fail_level: FailLevel | None = None,
    ) -> None:
        """Raise `AssertionError` with the findings unless a live module is clean."""
        __tracebackhide__ = True
        report = self.lint(
            model,
            inputs,
            args=args,
            kwargs=kwargs,
            select=select,
            ignore=ignore,
            extend_select=extend_select,
            options=options,
            fail_level=fail_level,
        )
        raise_unless_clean(report)


def _inputs(plan: Plan, path: str, name: str) -> tuple[str, ...]:
    """The shapes that the configuration states for a model."""
    return next((one.inputs for one in plan.stated(path) if one.model == name), ())


def _budget(plan: Plan, path: str, name: str) -> Mapping[str, Any]:
    """The options of the rule on budgets, with what the configuration allows one model."""
    own = [budget for model, budget in plan.budgets(path) if model == name]
    return {**plan.options.get(BUDGET, {}), **(own[0] if own else {})}
