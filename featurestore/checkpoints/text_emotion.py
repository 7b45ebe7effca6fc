"""Text networks that were tuned on emotion labels. Some saw the dialogues of MELD or IEMOCAP."""

from featurestore.checkpoints import LABELS, PRETRAINING, CheckpointCard, TrainingCorpus, list_corpora

_HARTMANN = ("Crowdflower", "CARER", "GoEmotions", "ISEAR", "meld", "SemEval-2018 EI-reg")
_STARTS = {"distilroberta-base": "distilbert/distilroberta-base", "roberta-large": "FacebookAI/roberta-large"}
_TWEETS = "58 million tweets"

CARDS = (
    *(
        CheckpointCard(
            title=f"Emotion English {network}",
            names=(f"j-hartmann/emotion-english-{network}",),
            training=list_corpora({LABELS: _HARTMANN}),
            licence="",
            source=f"https://huggingface.co/j-hartmann/emotion-english-{network}",
            start=start,
            note="which partitions of MELD were used is not stated",
        )
        for network, start in _STARTS.items()
    ),
    *(
        CheckpointCard(
            title=f"EmoBERTa, {size}",
            names=(f"tae898/emoberta-{size}",),
            training=list_corpora({LABELS: ["meld", "iemocap"]}),
            licence="mit",
            source="https://github.com/tae898/erc/issues/29",
            start=f"FacebookAI/roberta-{size}",
            note="its author thinks that the test partitions were used, too",
        )
        for size in ("base", "large")
    ),
    CheckpointCard(
        title="RoBERTa, base, tuned on GoEmotions",
        names=("SamLowe/roberta-base-go_emotions",),
        training=list_corpora({LABELS: ["GoEmotions"]}),
        licence="mit",
        source="https://huggingface.co/SamLowe/roberta-base-go_emotions",
        start="FacebookAI/roberta-base",
    ),
    CheckpointCard(
        title="RoBERTa, base, of tweets, tuned on TweetEval",
        names=("cardiffnlp/twitter-roberta-base-emotion",),
        training=(TrainingCorpus(_TWEETS, PRETRAINING), TrainingCorpus("TweetEval emotion", LABELS)),
        licence="",
        source="https://huggingface.co/cardiffnlp/twitter-roberta-base-emotion",
        start="FacebookAI/roberta-base",
    ),
    CheckpointCard(
        title="DistilBERT tuned on the emotion dataset of tweets",
        names=("bhadresh-savani/distilbert-base-uncased-emotion",),
        training=list_corpora({LABELS: ["CARER"]}),
        licence="apache-2.0",
        source="https://huggingface.co/bhadresh-savani/distilbert-base-uncased-emotion",
        start="distilbert/distilbert-base-uncased",
    ),
)
