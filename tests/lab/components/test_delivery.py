"""What a page has drawn is sent, also when a fragment runs before it could be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from lab.components.delivery import keep_what_is_unsent

FRAGMENT = "fragment"


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(ForwardMsgQueue, "clear", ForwardMsgQueue.clear)
    keep_what_is_unsent()
    yield


def drawn(text: str) -> ForwardMsg:
    """A text at one place of a fragment."""
    message = ForwardMsg()
    message.metadata.delta_path.extend([0, 0])
    message.delta.fragment_id = FRAGMENT
    message.delta.new_element.text.body = text
    return message


def finished() -> ForwardMsg:
    return ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)


def sent(queue: ForwardMsgQueue) -> list[str]:
    """The texts of the queue's messages, in order; "finished" for a run's last word."""
    return [
        message.delta.new_element.text.body if message.HasField("delta") else "finished"
        for message in queue.flush()
    ]


def test_a_fragment_s_run_takes_nothing_out_of_the_queue() -> None:
    queue = ForwardMsgQueue()
    queue.enqueue(drawn("by the page"))
    queue.enqueue(finished())
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=[FRAGMENT])
    queue.enqueue(drawn("by the fragment"))
    assert sent(queue) == ["by the page", "finished", "by the fragment"]


def test_a_run_of_the_whole_page_replaces_what_was_not_sent() -> None:
    queue = ForwardMsgQueue()
    queue.enqueue(drawn("before"))
    queue.clear(retain_lifecycle_msgs=True)
    queue.enqueue(drawn("after"))
    queue.enqueue(finished())
    assert sent(queue) == ["after", "finished"]


def test_what_is_sent_is_gone() -> None:
    queue = ForwardMsgQueue()
    queue.enqueue(drawn("once"))
    assert (sent(queue), sent(queue)) == (["once"], [])
