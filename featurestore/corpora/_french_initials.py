"""Name emotions by the initials of their French words, as French corpora do."""

FRENCH_INITIALS = {
    "C": "anger",  # colère
    "D": "disgust",  # dégoût
    "J": "happiness",  # joie
    "N": "neutral",  # neutre
    "P": "fear",  # peur
    "S": "surprise",  # surprise
    "T": "sadness",  # tristesse
}
