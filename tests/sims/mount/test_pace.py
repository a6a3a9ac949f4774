"""World time against host time."""

from qkdlab_sims.mount.pace import PERIOD_S, Lag, Pace


class Host:
    """Host time by hand."""

    def __init__(self):
        self.ns = 5_000_000_000

    def now_ns(self):
        return self.ns

    def now_s(self):
        return self.ns / 1e9


def test_the_world_begins_at_zero_and_runs_at_its_speed():
    host = Host()
    pace = Pace(2.5, host.now_ns)
    assert pace.target_ps() == 0
    host.ns += 1_000_000_000
    assert pace.target_ps() == 2_500_000_000_000
    assert pace.behind_s(2_000_000_000_000) == 0.2


def test_less_than_one_scheduling_period_is_no_lag():
    told = []
    lag = Lag(told.append, Host().now_s)
    lag.note(PERIOD_S)
    assert told == []
    assert lag.greatest_s == 0.0


def test_a_lag_is_told_at_most_once_a_second_and_none_is_forgotten():
    told = []
    host = Host()
    lag = Lag(told.append, host.now_s)
    for behind_s in (0.25, 1.0, 0.5, 0.125):
        lag.note(PERIOD_S + behind_s)
        host.ns += 100_000_000
    assert told == [0.25]
    host.ns += 1_000_000_000
    lag.note(0.0)
    assert told == [0.25, 1.0]
    assert lag.greatest_s == 1.0
    host.ns += 5_000_000_000
    lag.note(0.0)
    assert told == [0.25, 1.0]
