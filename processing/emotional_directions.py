# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The directions in which emotions move the voice of one person, among the embeddings of Resemblyzer's speaker encoder.

They are the first principal components of the embeddings of Emo-DB's speakers 03, 08, 09, 10 and 11 around each speaker's
mean (the licence of Emo-DB is CC0). `emotional_directions` in `processing/evaluation/acted_talks.py` computes them. Without
them the voices of one person in different emotions are more alike (nuisance attribute projection, Solomonoff et al. 2005).
"""

import base64

import numpy as np

_HALF_PRECISION = (
    "rDDSIBEoAIAYpmkSpyiXJCuZGSwUrAQr7ikxq06oNizCMU0jPqW/o6uoeKoAAACAt5nwMROdYBwAAACAo6wZsVUuKhz/qR+vsS1OniaeCaUAgC"
    "So+6Wgrq2hJKZfox+ofynKpQCAypQAgACAdBrQJBMtJiNwLHgRH5pRpP6x1S2nlEomGyqCKgCApQwAgNkd3xBArtyvvJQAgO0pMyrjrQCAAIDb"
    "pf2rdil7o4caAbAAgLAteaAnFOKiO5VWmACAda4AgICYAIApIACA66sSqBOjHqpEsZImAIBPrACAJrBsL4evOCYAgF6wBSYfGS4xOq6drQ+owa"
    "qTLaGoBq5/KosvAIAdqCGLISuGqZGpGahDLNKn1qS6jACAcQrPL2euj7D/Ky+msKSrrgGtpCoDLgCADKY2K6gp3wzwqEApOKnQLgCA5SF5LKks"
    "e6SfJI+fiKpHqwCAjpV5KUasAIBGrGYgHShTql6q+DBLoFYqo6q4JQCAAIBbqVGcLqLxJBwmCSA9MQCAfqs3q7Gv1SoSqf0nbaWNJrGiAIAzoX"
    "2kwplHre0rJxHlkAypYqYapagpAIBkqbWcAIAVpqGizhcAgBwnR65zMdssAIAAgBQqAIBzpgCAAIBen8gkzqloIJctq6sSr0kdLTT7GdernSm1"
    "Ar6vjDJsi5ogYjDijDEoBZDZMPehSqwAALSks6RyKaUobi5ErCQxKi7jqCGqsypDrgIvvLAtoMshGSeJrwAAAACtGmKxip73nQAAAABEKfMr06"
    "AgICarEaoYJX8iiaifrQAAnJWFqwSt+ixlF/EYIaisJQOoAACnpQAAAADgFoMsX6m+pd2uX5mgK2KkvrHyqxqqiKjYMN0sAAA2FAAAQCO3lW2q"
    "8R57mQAADSrvJpykAAAAAKisPqp5rNmlySRDpwAAB6xBLiIbPp6SHmqfAABlqgAAEJYAAE4lAAD/KoGrzSjQJbyuIKIAAMspAACOq5ekBS4oow"
    "AAOS9JED4d+6vMJz2eJCmMqLUrCTDxJFAs6ysAAFAt4A4TKYQhAKHcKi2qFqYfnx2dAAB8ieKov6UDpXQssqmSoYEv+jT+KGYnAAC5IRAlNiF5"
    "FA6l2DKAKZGoAAABr6Siaq5JLiOtOq34LhUwAACqD52jU6wAAFsng6udpkOoc5kHmT2YPp1wKSUsAAAAAHSqnqAeF1UoHi95ILktAAADrRmwcq"
    "FwJFunzpl/p8uo+gwAAH8omqgBMaup4rHjlbiIWKztLWuWRSgAAJerbqEAAOOtWaqsmgAAix1BsWgqlqYAAAAA1x8AADymAAAAABEmD6nfqusl"
    "PDDzogqnJ5z5sEOk8rGCrIeUijD/rpGOoia7LAGPK6QyEI0uDxwnrACAeyfRKi2qxCgNpcwsQjK8J60YP6iFIU0rvq5WJ0apsR8PJL0uAAAAgE"
    "+TuyLVnv4ZAIAAgMmq+ByjLDkXRCJTqTmrDh84L1crAIDApTiugB62JjepGaQnIUQqHKwAgJooAIAAgOYd+6GooZgLFqnMgDopPqNQrYOpli24"
    "oJSpfK4AgMGIAIDoqTCII6+NLQcVAICkncSpuLAAgACATq2grc8XZStHIjwwAIAQMmCwRpikJBIcZyoAgKMzAIDukwCADyMAgBIrVC0cqbmpl6"
    "8lJwCAcK4AgMIi55q3qq6lAIAqLNglX5lqqhyeu6oWrRcqQ7HWJi0el625ogCA8jE3DS2mPCz5MDEuXpggphqgo6sAgISIAbAdrHCu9q3ErIKp"
    "gStGJl0bHqcAgAKy5CjyrEwQJ5WKEu6pFCsAgDCpw7JIMNutuq19pt0sUa4AgPgWQ6ZxMACAqymuKJiuwi0hKJgtXqDIqFilqCwAgACAEKcNH0"
    "idnigtqM8blDEAgOgtxBzxMPKtNCmoLmIpOiQmogCAzJ21JTckbRiZLmACCBajsDWqNqnAJACA7KQ4owCA8ShfMBaMAID4LOOspa1xoQCAAID9"
    "ogCArykAgACAA6/ZqaGhpiVuK32o+iYDmtooiJalqzqjDQ/NJY0pzQ5XJwco+g3tIg2MPi+RC0WqAAD6J4guVSkiIp+vuCy8peMqoa3UK6co3q"
    "yFIgec96CrpN4vKicAgACANSCEqsEcF44AAAAAN6jpIUmxeaHLqZituzD1IR0uICgAAEmdmqW4pEkeoSCCmOUi/anjIAAAna0AAAAA4JUXJrej"
    "JqStrSITby5Ol+Ytaiw9LYajj6nZKwAAII8AAEUr35Feq+qs2pwAAKcrzi57qwAAAABPs5Kj8aq2K7olKagAAKsuNKpvGAcYrxRvoAAAUqsAAD"
    "aaAAAEKAAAYbHeLFepZy6MEActAACbLAAAQCWcrEwxiSkAADSv2yugFaCdCKinqvwmTjD4KpWfjyzNKSotAACFLQ+I+SvwLcuk7y4Zl10mrSgR"
    "qQAAOg4HLsSsCC22nCAltyJcs2Cy6imqpwAAzKJ2plqt1xDHLt8qcKgzsAAAHyMfLL4wSqyiLnAsgjOArQAAxB3xJXcsAADEJyyj2BeInToqxK"
    "5jmFcquKaRrQAAAAAGrX8YA6Szr4Kt6KWdJwAAfyqLKSip/Ci7LZwrLh9sFkgZAABxoYkBty4uqHCvw4U6G3kpOqoZoBWuAABdsKYiAAAJHaGc"
    "oZQAAASrdy1cLnaWAAAAABokAAC/oAAAAABaESItE6ijKY+tRKJrqeEeMLBWmL6tByYBiCEghLA/GJspvCK2DTcp3pFhMT2c66oAgGQddaZhIZ"
    "CjdCpHJpSs3bCHHkuffyUzqu8lYSDBGGAgCilPJAAAAAA+oZemDRgdGwCAAABAq5MltK8joM8d7qw8q2UG8qVAqACAEiwOqrAhV6vsLBUOWywz"
    "E6wpAIBCJQCAAICFkO2rnSIDHs8lkBSXq9OgMjP4KEesiaQ8K20sAICRDQCA1quJAPsqnC58HQCAA6oSLXUzAIAAgC6xRynMnoEiXKJUrwCAlK"
    "SwscCXcpi0GBUmAICVLgCALggAgHqmAIAdKWyh5y6ELT2ZEKUAgDusAIBPJBinGKZApQCAJS33JIck5S0zo4ioXRadK7kuviwRsW0s8rEAgA4x"
    "qwQZqeIhmCirrpEbuiSUJ1YnAICLDpQq6q1fr84t4awuJ8Mufq1trF0tAIA4sTGu1KkElBspai1uHPCSAIBgqy2yFK5wooCutS7wJAwtAIAjGB"
    "ooiq8AgACuYSxgHXGkOiDOq7iieQ4NKRKwAIAAgDos6hz6mlyspyonlRCsAIADrZCw1zDRKjEcEimfJzWX054AgMEn1Cf9qxGqO6MFirqT9y4R"
    "sCAojqoAgIYsdxsAgAKhayXwlwCAuadWKPQssy0AgACAYKcAgEQoAIAAgM0sWajisScfxyz+rPQl8RizLrQlR6r8LbAJuyC3LJiQfi64oDAEXS"
    "dGkQ=="
)

EMOTIONAL_DIRECTIONS = np.frombuffer(base64.b64decode(_HALF_PRECISION), "<f2").reshape(5, 256).astype(np.float32)
"""`(5, 256)`, orthonormal."""
EMOTIONAL_DIRECTIONS = np.linalg.qr(EMOTIONAL_DIRECTIONS.T)[0].T  # half precision rounds
