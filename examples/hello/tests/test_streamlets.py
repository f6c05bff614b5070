"""Handlers are functions from a record to emissions, so tests call them and compare."""

from __future__ import annotations

from hello.records import Greeting, Person
from hello.streamlets import Greeter, People


def test_a_person_is_greeted_as_the_parameter_says() -> None:
    greeter = Greeter(greeting="Good evening")
    expected = greeter.out(Greeting(text="Good evening, Ada!"))
    assert greeter.greet(Person(name="Ada")) == expected


def test_every_name_of_the_parameter_is_sent() -> None:
    people = People(names="Ada, Grace")
    sent = [emission.value.name for emission in people.send()]
    assert sent == ["Ada", "Grace"]
