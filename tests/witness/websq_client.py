"""Drive a WebSQ with qcodes_contrib_drivers; run as a program: HOST CONTROL_PORT.

A process of its own, because the client's threads outlive its `close`: they ask a
closed socket again without end.
"""

import json
import os
import sys
import time

from qcodes_contrib_drivers.drivers.SingleQuantum.SingleQuantum import (
    WebSQControlqcode,
)

driver = WebSQControlqcode("witness_websq", sys.argv[1], int(sys.argv[2]))
found = {"detectors": driver.number_of_detectors()}
driver.measurement_periode(50)
driver.bias_current([10.0, 11.0, 12.0, 13.0])
driver.trigger_level([90.0, 91.0, 92.0, 93.0])
driver.comm.enable_detectors(True)
end_s = time.monotonic() + 20.0
while driver.bias_current() != [10.0, 11.0, 12.0, 13.0] and time.monotonic() < end_s:
    time.sleep(0.05)
found["bias_ua"] = driver.bias_current()
found["period_ms"] = driver.measurement_periode()
found["trigger_mv"] = driver.comm.get_trigger_level()
driver.npts(3)
found["counts"] = driver.counters().tolist()
driver.bias_voltage()
time.sleep(0.5)
found["voltages_mv"] = driver.bias_voltage()
driver.comm.enable_detectors(False)
driver.bias_current([0.0, 0.0, 0.0, 0.0])
time.sleep(0.2)
print(json.dumps(found), flush=True)
os._exit(0)
