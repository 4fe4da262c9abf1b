"""`Campaign`: a campaign file, ready to be run, resumed or tried out.

result = Campaign.from_file("campaign.toml").run(store="campaigns.sqlite")
result.front, result.to_frame()
"""

from __future__ import annotations

import html
import logging
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from dse.campaign.agent_run import start_run
from dse.campaign.config import CampaignConfig
from dse.campaign.dry_run import DryRun, dry_run
from dse.campaign.evaluation import Evaluator
from dse.campaign.file import Source, check_config, read_campaign_file
from dse.campaign.kept_files import files_of, folder_with_files
from dse.campaign.loop import CampaignLoop
from dse.campaign.progress import Watcher
from dse.campaign.result import CampaignResult, absolute
from dse.campaign.setup import Setup, set_up
from dse.campaign.warm_start import WarmStart, find_warm_start, kept_warm_start
from dse.errors import ConfigError, LookupFailed
from dse.executors import Executor, ExecutorOptions, check_options, make_executor
from dse.executors.leases import CampaignPlace
from dse.interrupt import stop_on_interrupt
from dse.option_files import given
from dse.provenance import provenance, usable_cores
from dse.search import SearchProblem
from dse.simulator import Simulator
from dse.store import AttachedFile, CampaignHeader, CampaignRecord, Store, StoreReader, place_of

log = logging.getLogger("dse.campaign")


class Campaign:
    """A checked configuration with its simulator, workloads and agents.

    config: a `CampaignConfig` or the same as nested dicts. base: folder where relative paths start.
    simulator: use this one instead of building the one that the configuration names.
    Raises InputError (with file, line and key when it comes from a file) for anything unknown.
    """

    def __init__(
        self,
        config: CampaignConfig | Mapping[str, Any],
        *,
        base: Path | str = ".",
        source: Source | None = None,
        simulator: Simulator | None = None,
    ) -> None:
        self.source = source or Source()
        self.base = Path(base)
        checked = config if isinstance(config, CampaignConfig) else check_config(config, self.source)
        self.setup: Setup = set_up(checked, self.source, self.base, simulator)
        self._files: tuple[AttachedFile, ...] | None = None
        self._kept_warm_start: WarmStart | None = None
        self._check_agents()

    @classmethod
    def from_file(cls, path: Path | str, *, simulator: Simulator | None = None) -> Campaign:
        """Read a campaign file (TOML); relative paths in it start at its folder."""
        config, source = read_campaign_file(path)
        return cls(config, base=Path(path).parent, source=source, simulator=simulator)

    @classmethod
    def from_store(
        cls, store: Path | str, name: int | str, *, simulator: Simulator | None = None
    ) -> Campaign:
        """The campaign as the store has it.

        Its traces and design file are looked for where they were, relative to the store; if one is gone, they
        are those that the store kept.
        """
        with StoreReader(store) as reader:
            record = reader.campaign(name)
            base = place_of(store).base_path(record.config_base)
            with folder_with_files(reader, record.id, record.config, base) as folder:
                campaign = cls({**record.config, "name": record.name}, base=folder, simulator=simulator)
                campaign._kept_warm_start = kept_warm_start(record)
                if folder != base:
                    campaign.base = base
                    campaign._files = files_of(campaign.config, campaign.source, folder)
        return campaign

    @property
    def config(self) -> CampaignConfig:
        """The checked configuration."""
        return self.setup.config

    def run(
        self,
        *,
        store: Path | str | None = None,
        threads: int | None = None,
        progress: Watcher | None = None,
        name: str | None = None,
        **how: Unpack[ExecutorOptions],
    ) -> CampaignResult:
        """Run to the end of the budget and return what was found.

        store: file to keep it in, created if missing; None keeps nothing on disk after the return. name: the
        campaign's name there (default: that of the file, with a number if it is taken). threads: of the
        simulator (default: every core); no result depends on it. how: `executor`, `workers`, `scheduler`,
        `time_limit_s`, `memory_limit_mib` (see `dse.executors.ExecutorOptions`).
        The first Ctrl-C ends the current batch and raises KeyboardInterrupt with everything committed.
        """
        check_options(threads=threads, **how)
        if store is None and how.get("executor") == "leases":
            raise ConfigError("executor 'leases' needs a store that workers can open", key="store")
        if store is None:
            with tempfile.TemporaryDirectory(prefix="marl-dse-") as folder:
                path = Path(folder) / "store.sqlite"
                self.warm_start(None)  # the new store has nothing to begin with
                return self.run(store=path, threads=threads, progress=progress, name=name, **how)
        warm_start = self.warm_start(store)
        with Store(store) as opened:
            campaign = self._create(opened, name, warm_start)
            return self._session(CampaignPlace(store, opened, campaign), threads, progress, how)

    def resume(
        self,
        *,
        store: Path | str,
        name: str | None = None,
        threads: int | None = None,
        progress: Watcher | None = None,
        **how: Unpack[ExecutorOptions],
    ) -> CampaignResult:
        """Continue the campaign of that name in the store; the result equals that of an uninterrupted run.

        Raises LookupFailed if it is not there, and ConfigError if the file, a trace, the space or the
        simulator is not what it was.
        """
        check_options(threads=threads, **how)
        place = place_of(store)
        if not place.exists():
            raise LookupFailed(f"there is no store {place}: nothing to resume")
        with Store(store) as opened:
            record = opened.reader.campaign(name or self.config.name)
            self.check_same(record)
            opened.own(record.id)
            opened.set_state(record.id, "running")
            return self._session(CampaignPlace(store, opened, record.id), threads, progress, how)

    def dry_run(self, *, threads: int | None = None, store: Path | str | None = None) -> DryRun:
        """Sizes, the time to expect, and ranges of the objectives over a sample; stores nothing.

        store: in which the campaign of `[warm_start]` is looked for.
        """
        warm_start = self.warm_start(store)
        report = dry_run(self.setup, threads or usable_cores())
        return report if warm_start is None else replace(report, warm_start=warm_start.lines)

    def warm_start(self, store: Path | str | None) -> WarmStart | None:
        """What `[warm_start]` stands for now, or stood for when a campaign of a store started, if anything.

        store: that of the run. Raises InputError if the campaign is not there, or has none for this space.
        """
        wanted, setup = self.config.warm_start, self.setup
        if wanted is None or self._kept_warm_start is not None:
            return self._kept_warm_start
        with self.source.at("warm_start"):
            return find_warm_start(wanted, store, self.base, setup.simulator.name, setup.space, setup.scorer)

    def evaluator(
        self, store: Store, benches: Sequence[int] | None = None, executor: Executor | None = None
    ) -> Evaluator:
        """What measures designs for this campaign, with its constraints and aggregation.

        benches: of its workloads in the design cache (looked up unless given). executor: default, threads on
        every core.
        """
        setup = self.setup
        return Evaluator(
            setup.simulator,
            setup.workloads,
            setup.weights,
            store,
            self._benches(store) if benches is None else benches,
            usable_cores(),
            executor,
            setup.full_space,
            setup.aggregation.combined,
            range(len(setup.workloads)) if setup.ladder else None,
        )

    def _benches(self, store: Store) -> list[int]:
        setup = self.setup
        names = setup.simulator.schema.names
        return store.benches(setup.identity, names, [workload.hash for workload in setup.workloads])

    def _session(
        self,
        place: CampaignPlace,
        threads: int | None,
        progress: Watcher | None,
        how: ExecutorOptions,
    ) -> CampaignResult:
        store, campaign = place.store, place.campaign
        record = store.reader.campaign(campaign)
        before = store.reader.n_trials(campaign)
        log.info("campaign %r %s", record.name, f"goes on after trial {before}" if before else "starts")
        benches = [workload["bench"] for workload in record.workloads]
        setup = self.setup
        state = "failed"
        try:
            pieces = setup.ladder.workloads if setup.ladder else ()
            with given(setup.option_files):
                executor = make_executor(
                    setup.simulator, (*setup.workloads, *pieces), threads=threads, place=place, **how
                )
            with (
                closing(executor),
                stop_on_interrupt() as stop,
            ):
                evaluator = self.evaluator(store, benches, executor)
                loop = CampaignLoop(self.setup, store, campaign, evaluator, stop, progress)
                kept = kept_warm_start(record)
                loop.warm = kept.rows(setup.space) if kept is not None else None
                trials = loop.run()
            state = "finished" if loop.finished else "interrupted"
            log.info("campaign %r is %s, %d trials", record.name, state, len(trials))
        except KeyboardInterrupt:
            state = "interrupted"
            raise
        finally:
            store.set_state(campaign, state)
        store.flush()
        if not loop.finished:
            raise KeyboardInterrupt
        return CampaignResult(store.reader.campaign(campaign), trials, absolute(place.url))

    def _create(self, store: Store, name: str | None, warm_start: WarmStart | None) -> int:
        setup = self.setup
        for line in warm_start.lines if warm_start is not None else ():
            log.info("warm start: %s", line)
        benches = self._benches(store)
        header = CampaignHeader(
            name=_free_name(store, name or self.config.name),
            config=self._json_config(),
            config_base=store.place.base_text(self.base),
            simulator={"name": setup.simulator.name, "options": setup.simulator.describe()},
            build_id=setup.simulator.build_id,
            space=setup.full_space,
            search_space=setup.space,
            schema=setup.simulator.schema,
            objectives=setup.objectives,
            workloads=self._workloads(),
            provenance={
                **provenance(),
                "seed": self.config.seed,
                "space": setup.full_space.hash,
                "search_space": setup.space.hash,
                **({"fidelity": setup.ladder.digest} if setup.ladder else {}),
                **({"warm_start": warm_start.to_dict()} if warm_start is not None else {}),
            },
            runs=setup.runs,
        )
        files = self._files
        if files is None:
            files = files_of(self.config, self.source, self.base)
        return store.create_campaign(header, benches, files)

    def _repr_html_(self) -> str:
        """A small table for notebooks: what is tuned, on what, for what, by whom."""
        setup = self.setup
        rows = {
            "campaign": self.config.name,
            "simulator": setup.simulator.name,
            "designs": f"{setup.space.raw_size:,}",
            "workloads": ", ".join(workload.name for workload in setup.workloads),
            "objectives": ", ".join(one.text for one in setup.objectives),
            "constraints": ", ".join(one.name for one in setup.space.constraints),
            "agents": ", ".join(agent.title for agent in self.config.agents),
        }
        cells = (f"<tr><th>{name}</th><td>{html.escape(text)}</td></tr>" for name, text in rows.items())
        return f"<table>{''.join(cells)}</table>"

    def _json_config(self) -> dict[str, Any]:
        data: dict[str, Any] = self.config.model_dump(mode="json", exclude_unset=True)
        return data

    def _workloads(self) -> list[dict[str, Any]]:
        return [
            {
                "name": workload.name,
                "hash": workload.hash,
                "weight": item.weight,
                "spec": item.specs,
                "requests": len(workload),
                "traces": [{"name": trace.name, "hash": trace.hash} for trace in workload.traces],
            }
            for workload, item in zip(self.setup.workloads, self.config.workloads, strict=True)
        ]

    def _check_agents(self) -> None:
        """Build every searcher once, so that a wrong option is found before anything is simulated."""
        setup = self.setup
        m = len(setup.scorer.objectives)
        problem = SearchProblem(
            setup.space,
            setup.scorer.objectives,
            setup.scorer.n_constraints,
            np.ones(m),
            np.zeros(m),
            setup.context,
        )
        first_runs = [run for run in setup.runs if run.number > 0 and run.repetition == 0]
        for i, run in enumerate(first_runs):
            with self.source.at("agents", i, "options"), given(setup.option_files):
                start_run(run, problem, self.config.budget, setup.full_space, self.config.seed, setup.stop)

    def check_same(self, record: CampaignRecord) -> None:
        """ConfigError if the store has something else by this name: another file, trace, space or build."""
        setup = self.setup
        same = {
            "the campaign file": {**record.config, "name": ""} == {**self._json_config(), "name": ""},
            "the simulator's build": record.build_id == setup.simulator.build_id,
            "the simulator's options": record.simulator["options"] == setup.simulator.describe(),
            "the design space": record.space.hash == setup.full_space.hash,
            "a trace or workload": [w["hash"] for w in record.workloads] == [w.hash for w in setup.workloads],
            "what a rung of [fidelity] simulates": record.provenance.get("fidelity")
            == (setup.ladder.digest if setup.ladder else None),
        }
        changed = [what for what, equal in same.items() if not equal]
        if changed:
            raise ConfigError(
                f"campaign {record.name!r} cannot be resumed: {' and '.join(changed)} changed since it was "
                "started. Run it anew under another name; designs already simulated are not simulated again",
                path=self.source.path,
            )


def _free_name(store: Store, wanted: str) -> str:
    taken = {row.name for row in store.reader.campaigns()}
    if wanted not in taken:
        return wanted
    return next(name for i in range(2, len(taken) + 3) if (name := f"{wanted}-{i}") not in taken)
