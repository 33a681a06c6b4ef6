"""Two people find each other and talk, each in a browser of their own."""

from playwright.async_api import expect

from browsing import Door, expect_agreement


async def test_two_people_sign_up_find_each_other_and_talk(house: str, database_url: str, door: Door) -> None:
    ada, bo = await door.open_for(house, "Ada"), await door.open_for(house, "Bo")
    await ada.sign_up()
    await bo.sign_up()
    conversation = await ada.meet("Bo")
    await ada.say("hello Bo")
    await expect(ada.box).to_have_value("")
    await expect(bo.entry("Ada")).to_contain_text("hello Bo")
    await expect(bo.entry("Ada")).to_contain_text("1 unread")
    await bo.entry("Ada").get_by_role("link").click()
    assert bo.conversation == conversation
    await bo.say("hello Ada")
    await ada.say("how are you?")
    await bo.say("well")
    texts = ["hello Bo", "hello Ada", "how are you?", "well"]
    await expect_agreement(database_url, conversation, [ada.page, bo.page], texts)
