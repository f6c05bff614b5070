"""Makes sensor data up, so that something flows without a turbine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from sensor_data.records import Measurements, SensorData
from streamlet_sdk import Emission, Outlet, Parameter, Streamlet, source


class SensorDataGenerator(Streamlet):
    """Sends the data of some turbines every second; now and then a sensor is wrong."""

    out = Outlet(SensorData, key=lambda data: data.device_id)

    turbines = Parameter(int, default=2, description="How many turbines send.")
    wrong_every = Parameter(int, default=5, description="Each how many-th record is wrong.")

    async def start(self) -> None:
        self.random = Random()
        self.sent = 0

    @source(every=timedelta(seconds=1))
    def send(self) -> Iterator[Emission[SensorData]]:
        for number in range(1, self.turbines + 1):
            self.sent += 1
            yield self.out(
                SensorData(
                    device_id=UUID(int=number),
                    timestamp=datetime.now(UTC),
                    measurements=self.measure(is_wrong=self.sent % self.wrong_every == 0),
                )
            )

    def measure(self, *, is_wrong: bool) -> Measurements:
        """What a turbine in some wind measures, in MW, revolutions per minute and km/h."""
        wind = self.random.uniform(20, 120)
        return Measurements(
            power=-1.0 if is_wrong else round(wind / 40, 1),
            rotor_speed=round(wind / 5, 1),
            wind_speed=round(wind, 1),
        )
