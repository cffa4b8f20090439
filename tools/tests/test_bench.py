"""The frame of the measures: the form of the file, and figures that say how far the runs lay apart."""

from __future__ import annotations

import json

import pytest

from tools.bench import __main__ as bench
from tools.bench.figures import figure, rate_ratio


def test_a_figure_is_the_median_with_its_spread():
    assert figure([3.0, 1.0, 2.00049], "x", "theirs") == {
        "value": 2.0, "unit": "x", "baseline": "theirs", "runs": 3, "spread": [1.0, 3.0],
    }  # fmt: skip


def test_a_ratio_is_above_one_where_ours_is_faster():
    ratios = rate_ratio(lambda: None, lambda: sum(range(200_000)), runs=3)
    assert len(ratios) == 3
    assert min(ratios) > 1


def test_a_run_writes_the_file_and_the_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "OUT", tmp_path / "bench.json")
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    assert bench.main(["--only", "mint"]) == 0
    facts = json.loads((tmp_path / "bench.json").read_text("utf-8"))
    assert set(facts) == {"commit", "machine", "measures"}
    assert set(facts["measures"]) >= {"mint.raw_sign_ratio", "mint.cwt_ratio"}
    for measure in facts["measures"].values():
        assert set(measure) == {"value", "unit", "baseline", "runs", "spread"}
    assert "mint.raw_sign_ratio" in capsys.readouterr().out


def test_a_part_that_nobody_knows_is_wrong_use(capsys):
    with pytest.raises(SystemExit) as ended:
        bench.main(["--only", "nothing"])
    assert ended.value.code == 2
    assert "nothing" in capsys.readouterr().err
