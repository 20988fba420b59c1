"""Predictions and references for the oracle tests: good, loose, wrong, empty, long, multi-line and non-ASCII pairs."""

from __future__ import annotations

from collections.abc import Sequence

PAIRS: list[tuple[str, str]] = [
    ("The council approved the new tram line on Monday.", "On Monday the council approved a new tram line."),
    ("Heavy rain closed three schools in the valley.", "Three schools in the valley were closed after heavy rain."),
    ("The team lost.", "The home team lost 3-1 after leading at half-time."),
    ("Prices rose by 4.2% in March, the bank said.", "The bank said that prices had risen 4.2% in March."),
    ("A museum will return two bronze figures to Benin.", "A museum will return two bronze figures to Benin."),
    ("The the the the the.", "The ferry was late again."),
    ("Doctors are warning of a shortage of vaccines.", "Doctors warned that vaccines are running short."),
    ("She won the race in under two hours.", "Nobody had expected her to finish, let alone win."),
    ("", "The minister resigned on Thursday evening."),
    ("The café on the corner has a new owner.", "The corner café has changed hands."),
    ("Bees were found living under the roof.", "Workers found a colony of bees beneath the roof."),
    ("Shares fell.", "Shares fell."),
    ("Shares of the airline fell sharply on Friday!", "The airline's shares fell sharply Friday."),
    ("The bridge reopens in May.\nDrivers are relieved.", "Drivers are relieved.\nThe bridge will reopen in May."),
    (
        "The court heard the case.\nIt gave no ruling.\nA decision is due in June.",
        "A decision is due in June.\nThe court heard the case but gave no ruling.",
    ),
    ("Scientists mapped the reef with small robots.", "Small robots have mapped a coral reef for scientists."),
    ("The library stays open until midnight.", "From autumn the library will stay open until midnight."),
    ("Two hikers were rescued from the ridge at dawn.", "Rescuers brought two hikers down from the ridge at dawn."),
    ("A new phone was shown.", "The company showed a thinner phone with a longer battery life."),
    ("The orchestra's tour has been cancelled.", "The orchestra has cancelled its tour of the north."),
    ("Farmers want help with the drought.", "Farmers are asking for help as the drought goes on."),
    ("The vote was close: 51 to 49.", "The motion passed by 51 votes to 49."),
    ("Trains will run every ten minutes.", "Trains are to run every ten minutes from next year."),
    ("He denied all of the charges.", "He denied the charges."),
    ("The film opens in cinemas this week.", "The film opens this week."),
    ("A storm is coming, forecasters say.", "Forecasters say that a storm is on its way to the coast."),
    ("The old mill burned down overnight.", "A fire destroyed the old mill during the night."),
    ("Eggs are dearer than last year.", "The price of eggs has gone up since last year."),
    ("Der Zug kam pünktlich an.", "Der Zug ist pünktlich angekommen."),
    ("The mayor opened a park, a school and a pool.", "A park, a school and a pool were opened by the mayor."),
    ("Nurses began a two-day strike.", "Nurses have begun a strike of two days over pay."),
    ("The whale swam back out to sea.", "The whale that had strayed into the river swam back to sea."),
    ("It snowed.", "Snow fell on the hills in the night and blocked the pass."),
    ("The factory will close with the loss of 300 jobs.", "300 jobs will go when the factory closes."),
    ("A painting thought lost was found in an attic.", "A painting that was thought lost has been found."),
    ("Players walked off after the insult.", "The players left the pitch after a fan insulted one of them."),
]

PREDICTIONS = [prediction for prediction, _ in PAIRS]
REFERENCES = [reference for _, reference in PAIRS]


def shortened(which: Sequence[bool]) -> list[str]:
    """Return the predictions, the chosen ones without their last two words."""
    return [" ".join(text.split()[:-2]) if short else text for text, short in zip(PREDICTIONS, which, strict=True)]
