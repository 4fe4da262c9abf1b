"""All benchmarks, one after the other: `python -m tests.benchmarks`."""

from __future__ import annotations

from tests.benchmarks import (
    bench_campaign,
    bench_command_line,
    bench_engine,
    bench_env,
    bench_executors,
    bench_fleet,
    bench_front,
    bench_instruction_traces,
    bench_interconnect,
    bench_searchers,
    bench_soc,
    bench_soc_front,
    bench_soc_graphs,
    bench_soc_policies,
    bench_soc_space,
    bench_store,
    bench_surrogates,
    bench_views,
)

bench_engine.main()
bench_executors.main()
bench_campaign.main()
bench_front.main()
bench_command_line.main()
bench_store.main()
bench_surrogates.main()
bench_views.main()
bench_instruction_traces.main(1_000_000)
bench_interconnect.main()
bench_soc_front.main()
bench_soc_policies.main()
bench_soc_graphs.main()
bench_soc.main()
bench_soc_space.main()
bench_env.main()
bench_fleet.main()
bench_searchers.main()
