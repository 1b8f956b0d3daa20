from tapewatch.store.keys import Keys


def test_all_keys_of_an_instance_share_the_hash_tag_of_its_name() -> None:
    keys = Keys("sp500")
    assert keys.snapshot == "tapewatch:{sp500}:snapshot"
    assert keys.alerts == "tapewatch:{sp500}:alerts"
    assert keys.ids == "tapewatch:{sp500}:ids"
    assert keys.commit == "tapewatch:{sp500}:commit"
    assert keys.now("XLC/SPY") == "tapewatch:{sp500}:now:XLC/SPY"
    assert keys.dead("desk") == "tapewatch:{sp500}:dead:desk"


def test_a_channel_names_the_instance_and_the_symbol() -> None:
    assert Keys("sp500").channel("SPX") == "tapewatch:sp500:alerts:SPX"
    assert Keys("sp500").channels == "tapewatch:sp500:alerts:*"
