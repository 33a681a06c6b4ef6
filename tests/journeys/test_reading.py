"""What people see of a conversation besides its words: in which direction they run, and where the focus is."""

from playwright.async_api import expect

from browsing import Door
from people import Person

LEFT_EDGE_OF = """
(message, word) => {
  const walker = document.createTreeWalker(message, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const start = walker.currentNode.data.indexOf(word);
    if (start < 0) continue;
    const range = document.createRange();
    range.setStart(walker.currentNode, start);
    range.setEnd(walker.currentNode, start + word.length);
    return range.getBoundingClientRect().left;
  }
}
"""


async def test_each_paragraph_runs_as_its_first_word_does(house: str, door: Door) -> None:
    ada = await door.open_for(house, "Ada")
    await ada.come_in("Ada")
    for text in ("שלום hello", "hello שלום", "one\n\nשלום hello"):
        await ada.say(text)
    await expect(ada.log.get_by_role("article")).to_have_count(3)
    places = [[await text.evaluate(LEFT_EDGE_OF, word) for word in ("hello", "שלום")] for text in await ada.texts.all()]
    assert [hello < shalom for hello, shalom in places] == [True, True, True]


async def test_the_focus_goes_with_a_line_that_moves_to_the_top_of_the_list(house: str, door: Door) -> None:
    ada = await door.open_for(house, "Ada")
    await ada.come_in()
    async with Person(house) as bo, Person(house) as cy:
        await bo.sign_up("Bo")
        await cy.sign_up("Cy")
        from_bo, from_cy = await bo.meet("Ada"), await cy.meet("Ada")
        await bo.say(from_bo, "first")
        await cy.say(from_cy, "second")
        await ada.go("/")
        await expect(ada.entry("Cy")).to_contain_text("second")
        await ada.entry("Bo").get_by_role("link").focus()
        await bo.say(from_bo, "third")
        await expect(ada.page.locator("#conversations > li").first).to_contain_text("third")
    await expect(ada.entry("Bo").get_by_role("link")).to_be_focused()
