import pytest
import station_fakes

import qkdlab.station.bench
import qkdlab.station.open
import qkdlab.station.safe


@pytest.fixture(autouse=True)
def fake_drivers(monkeypatch):
    """Let every driver name of these tests mean a fake."""
    station_fakes.DIARY.clear()
    for module in (qkdlab.station.open, qkdlab.station.bench, qkdlab.station.safe):
        monkeypatch.setattr(module, "driver_spec", station_fakes.SPECS.__getitem__)
