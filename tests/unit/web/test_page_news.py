"""What the page takes for the newest, whichever answer comes first, and for how long it asks; its modules, with a server that the test plays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.page_modules import blank_page

pytestmark = pytest.mark.browser

#: A server: what is asked of it waits in `asked`, {path, options, answer(json), fail(status), stream(text)}.
SERVER = """() => {
    window.asked = [];
    window.fetch = (path, options) => new Promise((resolve) => {
        // nothing of an answer takes the browser a while: it is there with the next turn of the event loop
        const say = (body, status = 200) => resolve({ ok: status < 400, status, headers: new Headers(), json: async () => body });
        const stream = (text) => {
            const pieces = [new TextEncoder().encode(text)];
            const read = () => (pieces.length ? Promise.resolve({ done: false, value: pieces.shift() }) : new Promise(() => {}));
            resolve({ ok: true, status: 200, headers: new Headers(), body: { getReader: () => ({ read }) } });
        };
        const fail = (status) => say({ code: 'busy', detail: 'Later.' }, status);
        window.asked.push({ path: String(path), options, answer: (body) => say(body), fail, stream });
    });
    const turn = () => new Promise((done) => { const { port1, port2 } = new MessageChannel(); port1.onmessage = done; port2.postMessage(0); });
    window.taken = async () => { for (let n = 0; n < 3; n += 1) await turn(); };
    window.until = async (what) => { while (!what()) await turn(); };
}"""


@pytest.fixture(scope="module")
def blank() -> Iterator[Page]:
    with blank_page() as found:
        yield found


@pytest.fixture
def page(blank: Page) -> Page:
    """A page that has loaded none of the modules."""
    blank.reload()
    blank.evaluate(SERVER)
    return blank


def simulations(page: Page, script: str) -> Any:
    """The names that the page has after the script, which knows `store`, and makes simulations by `sim(id, version)`."""
    return page.evaluate(
        """async (script) => {
            const store = await import('/js/store.js');
            const sim = (id, version) => ({ id, version, name: `${id}${version}` });
            await new Function('store', 'sim', `return (async () => { ${script} })()`)(store, sim);
            await taken();
            return store.simulations.value && [...store.simulations.value.values()].map((one) => one.name);
        }""",
        script,
    )


def test_an_older_list_of_simulations_does_not_take_the_place_of_a_newer_one(page: Page) -> None:
    names = simulations(
        page,
        """store.loadSimulations(); store.loadSimulations();
        asked[1].answer({ items: [sim('a', 2), sim('b', 1)] }); await taken();
        asked[0].answer({ items: [sim('a', 1), sim('gone', 1)] });""",
    )
    assert names == ["a2", "b1"]


def test_a_failure_that_comes_late_is_not_said_of_the_newer_list(page: Page) -> None:
    names = simulations(
        page,
        """store.loadSimulations(); store.loadSimulations();
        asked[1].answer({ items: [sim('a', 2)] }); await taken();
        asked[0].fail(503); await taken();
        if (store.simulationsError.value) throw store.simulationsError.value;""",
    )
    assert names == ["a2"]


def test_what_is_told_while_lists_are_on_their_way_is_newer_than_each_of_them(page: Page) -> None:
    names = simulations(
        page,
        """store.loadSimulations(); store.loadSimulations();
        store.putSimulation(sim('new', 1)); store.putSimulation(sim('a', 3)); store.dropSimulation('b');
        asked[0].answer({ items: [sim('a', 2), sim('b', 1)] }); await taken();
        if (store.simulations.value.size !== 2) throw new Error('the first');
        asked[1].answer({ items: [sim('a', 2), sim('b', 1)] });""",
    )
    assert names == ["a3", "new1"]


def test_a_simulation_that_is_told_of_before_there_is_a_list_is_not_taken_for_the_list(page: Page) -> None:
    assert simulations(page, "store.loadSimulations(); store.putSimulation(sim('a', 1)); store.dropSimulation('b');") is None
    assert simulations(page, "asked[0].answer({ items: [] });") == ["a1"]


def test_what_is_being_asked_for_stays_as_shown_while_an_older_list_comes_and_makes_no_simulation(page: Page) -> None:
    folders = page.evaluate("""async () => {
        const { loadSimulations, putSimulations, simulations } = await import('/js/store.js');
        loadSimulations();
        asked[0].answer({ items: [{ id: 'a', version: 1, folder: '' }, { id: 'b', version: 1, folder: '' }] }); await taken();
        loadSimulations();
        putSimulations([{ id: 'a', folder: 'rings' }, { id: 'b', folder: 'rings' }]);
        asked[1].answer({ items: [{ id: 'a', version: 1, folder: '' }] }); await taken();
        return [...simulations.value.values()].map((one) => [one.id, one.folder]);
    }""")
    assert folders == [["a", "rings"]]


def test_lists_are_loaded_again_once_the_stream_is_open(page: Page) -> None:
    told = page.evaluate("""async () => {
        const store = await import('/js/store.js');
        const of = (what) => asked.filter(({ path }) => path.startsWith(`/api/v1/${what}`));
        store.start();
        const [first] = of('simulations'), [stream] = of('events');
        first.answer({ items: [] }); await taken();
        if (store.simulations.value.size) throw new Error('nothing yet');
        const before = of('runs').length;
        // made between that answer and the stream: nobody was told of it
        stream.stream('');
        await until(() => of('simulations').length === 2);
        of('simulations')[1].answer({ items: [{ id: 'a', version: 1, name: 'made meanwhile' }] });
        await taken();
        return [[...store.simulations.value.values()].map(({ name }) => name), before];
    }""")
    assert told == [["made meanwhile"], 1]


def test_an_older_list_of_runs_does_not_bring_back_what_was_deleted(page: Page) -> None:
    runs = page.evaluate("""async () => {
        const store = await import('/js/store.js');
        const of = (what) => asked.filter(({ path }) => path.startsWith(`/api/v1/${what}`));
        const run = (id) => ({ id, revision: 1, state: 'completed', simulation: 's' });
        store.start();
        of('events')[0].stream('id: 7\\nevent: open\\ndata: {"change": 7}\\n\\n');
        await until(() => of('runs').length === 2);
        of('runs')[1].answer({ items: [run('2')] }); await taken();
        of('runs')[0].answer({ items: [run('2'), run('1')] }); await taken();
        return [...store.runs.value.keys()];
    }""")
    assert runs == ["2"]


def test_what_is_deleted_or_taken_back_is_sent_also_where_the_page_is_left_in_that_moment(page: Page) -> None:
    kept = page.evaluate("""async () => {
        const { api } = await import('/js/api.js');
        api.deleteSimulation('a'); api.deleteSimulation('a', true); api.restoreSimulation('a'); api.deleteRun('r'); api.logout('pool');
        return asked.map(({ path, options }) => [options.method, path.replace('/api/v1/', ''), options.keepalive]);
    }""")
    assert kept == [
        ["DELETE", "simulations/a", True],
        ["DELETE", "simulations/a?forever=true", True],
        ["POST", "simulations/a/restore", True],
        ["DELETE", "runs/r", True],
        ["DELETE", "targets/pool/login", True],
    ]


def test_a_start_that_nobody_answers_is_asked_for_with_one_key_for_as_long_as_a_supervisor_takes_to_start_again(
    page: Page,
) -> None:
    waited, keys, error = page.evaluate("""async () => {
        const { Job } = await import('/js/job.js'), { signal } = await import('/js/lib.js');
        const draft = { simulation: signal({ id: 's', revision: 'r' }), valid: signal(true), frozen: signal(false), flush: async () => {} };
        const job = new Job(draft, { name: 'evolve', kind: 'long', reports: [] });
        let waited = 0;
        window.setTimeout = (run, ms) => { waited += ms; queueMicrotask(run); };
        let over = false;
        job.start().then(() => { over = true; });
        for (let at = 0; !over; at += 1) {
            await until(() => over || asked.length > at);
            if (!over) asked[at].fail(503);
        }
        return [waited, asked.map(({ options }) => options.headers['Idempotency-Key']), job.error.value.status];
    }""")
    assert 20_000 <= waited <= 30_000
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert error == 503


def test_what_can_be_undone_can_be_for_a_while_longer_than_a_word_is_shown(page: Page) -> None:
    times = page.evaluate("""async () => {
        const { move } = await import('/js/simactions.js'), { toast } = await import('/js/toasts.js');
        const times = [];
        window.setTimeout = (run, ms) => { times.push(ms); };
        toast('Done.');
        move([{ id: 'a', version: 1, name: 'a', folder: '' }], 'rings');
        await until(() => asked.length);
        asked[0].answer({ id: 'a', version: 2, name: 'a', folder: 'rings' });
        await until(() => times.length === 2);
        return times;
    }""")
    assert times == [4000, 9000]


@pytest.mark.parametrize("status", [200, 404])
def test_a_simulation_that_was_deleted_before_the_stream_was_open_is_found_to_be_by_the_list(page: Page, status: int) -> None:
    deleted, gone = page.evaluate(
        """async (status) => {
            const { Draft } = await import('/js/draft.js'), store = await import('/js/store.js');
            const draft = new Draft({ id: 'a', version: 1, revision: 'r', inputs: {} }, { name: 'c', inputs: [] });
            draft.follow();
            store.loadSimulations();
            asked[0].answer({ items: [] });
            await until(() => asked.length === 2);
            if (!asked[1].path.endsWith('/simulations/a')) throw new Error(asked[1].path);
            if (status === 404) asked[1].fail(404);
            else asked[1].answer({ id: 'a', version: 2, revision: 'r', inputs: {}, deleted: '2026-01-01T00:00:00Z' });
            await taken();
            return [draft.frozen.value, draft.gone.value];
        }""",
        status,
    )
    assert (deleted, gone) == (status == 200, status == 404)
