"""The streamlets of the application; `blueprint.yaml` wires them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from streamlet_sdk import Emission, Inlet, Outlet, Parameter, Streamlet, source

from hello.records import Greeting, Person


class People(Streamlet):
    """Sends some people every second."""

    out = Outlet(Person, key=lambda person: person.name)

    names = Parameter(str, default="Ada, Grace, Katherine", description="Who is sent.")

    @source(every=timedelta(seconds=1))
    def send(self) -> Iterator[Emission[Person]]:
        for name in self.names.split(","):
            yield self.out(Person(name=name.strip()))


class Greeter(Streamlet):
    """Makes a greeting for each person."""

    in_ = Inlet(Person)
    out = Outlet(Greeting)

    greeting = Parameter(str, default="Hello", description="How people are greeted.")

    @in_.each
    def greet(self, person: Person) -> Emission[Greeting]:
        return self.out(Greeting(text=f"{self.greeting}, {person.name}!"))


class Printer(Streamlet):
    """Writes greetings to the log."""

    in_ = Inlet(Greeting)

    @in_.each
    def show(self, greeting: Greeting) -> None:
        self.context.logger.info("%s", greeting.text)
