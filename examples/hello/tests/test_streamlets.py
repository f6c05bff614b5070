"""Handlers are functions, so tests call them and compare; the kit runs the whole application."""

from __future__ import annotations

from pathlib import Path

from hello.records import Greeting, Person
from hello.streamlets import Greeter, People
from streamlet_sdk.testing import ApplicationKit

PROJECT = Path(__file__).parents[1]


def test_a_person_is_greeted_as_the_parameter_says() -> None:
    greeter = Greeter(greeting="Good evening")
    expected = greeter.out(Greeting(text="Good evening, Ada!"))
    assert greeter.greet(Person(name="Ada")) == expected


def test_every_name_of_the_parameter_is_sent() -> None:
    people = People(names="Ada, Grace")
    sent = [emission.value.name for emission in people.send()]
    assert sent == ["Ada", "Grace"]


def test_people_go_through_the_application_and_become_greetings() -> None:
    with ApplicationKit(PROJECT, only=["greeter", "printer"]) as kit:
        kit.feed("people", Person(name="Ada"), Person(name="Grace"))
        kit.run()
        assert kit.values("greetings") == [
            Greeting(text="Hello, Ada!"),
            Greeting(text="Hello, Grace!"),
        ]
        assert kit.counters["printer"].received == 2
