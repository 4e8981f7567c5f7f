"""The literature that methods are cited from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Source = Literal[
    "agresti", "bell", "bonett", "carter", "delong", "hampel", "holm", "kish", "miettinen", "newcombe", "owen",
    "satterthwaite", "schuirmann", "spiegelhalter", "student", "welch", "wellek", "wilson",
]  # fmt: skip


class Cited(NamedTuple):
    """As it is cited in a sentence, and in full."""

    short: str
    full: str


SOURCES: Mapping[Source, Cited] = {
    "agresti": Cited(
        "Agresti and Min 2005",
        "Agresti, A. and Min, Y. (2005). Simple improved confidence intervals for comparing matched proportions. "
        "Statistics in Medicine 24(5), 729-740.",
    ),
    "bell": Cited(
        "Bell and McCaffrey 2002",
        "Bell, R. M. and McCaffrey, D. F. (2002). Bias reduction in standard errors for linear regression with "
        "multi-stage samples. Survey Methodology 28(2), 169-181.",
    ),
    "bonett": Cited(
        "Bonett and Price 2012",
        "Bonett, D. G. and Price, R. M. (2012). Adjusted Wald confidence interval for a difference of binomial "
        "proportions based on paired data. Journal of Educational and Behavioral Statistics 37(4), 479-488.",
    ),
    "carter": Cited(
        "Carter, Schnepel and Steigerwald 2017",
        "Carter, A. V., Schnepel, K. T. and Steigerwald, D. G. (2017). Asymptotic behavior of a t-test robust to "
        "cluster heterogeneity. Review of Economics and Statistics 99(4), 698-709.",
    ),
    "delong": Cited(
        "DeLong, DeLong and Clarke-Pearson 1988",
        "DeLong, E. R., DeLong, D. M. and Clarke-Pearson, D. L. (1988). Comparing the areas under two or more "
        "correlated receiver operating characteristic curves: a nonparametric approach. Biometrics 44(3), 837-845.",
    ),
    "hampel": Cited(
        "Hampel 1974",
        "Hampel, F. R. (1974). The influence curve and its role in robust estimation. Journal of the American "
        "Statistical Association 69(346), 383-393.",
    ),
    "holm": Cited(
        "Holm 1979",
        "Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of "
        "Statistics 6(2), 65-70.",
    ),
    "kish": Cited("Kish 1965", "Kish, L. (1965). Survey Sampling. Wiley, New York."),
    "miettinen": Cited(
        "Miettinen and Nurminen 1985",
        "Miettinen, O. and Nurminen, M. (1985). Comparative analysis of two rates. Statistics in Medicine 4(2), "
        "213-226.",
    ),
    "newcombe": Cited(
        "Newcombe 1998",
        "Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions: comparison "
        "of eleven methods. Statistics in Medicine 17(8), 873-890.",
    ),
    "owen": Cited(
        "Owen 2007",
        "Owen, A. B. (2007). The pigeonhole bootstrap. Annals of Applied Statistics 1(2), 386-411.",
    ),
    "satterthwaite": Cited(
        "Satterthwaite 1946",
        "Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components. Biometrics "
        "Bulletin 2(6), 110-114.",
    ),
    "schuirmann": Cited(
        "Schuirmann 1987",
        "Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and the power approach for "
        "assessing the equivalence of average bioavailability. Journal of Pharmacokinetics and Biopharmaceutics "
        "15(6), 657-680.",
    ),
    "spiegelhalter": Cited(
        "Spiegelhalter, Freedman and Blackburn 1986",
        "Spiegelhalter, D. J., Freedman, L. S. and Blackburn, P. R. (1986). Monitoring clinical trials: conditional "
        "or predictive power? Controlled Clinical Trials 7(1), 8-17.",
    ),
    "student": Cited("Student 1908", "Student (1908). The probable error of a mean. Biometrika 6(1), 1-25."),
    "welch": Cited(
        "Welch 1947",
        "Welch, B. L. (1947). The generalization of 'Student's' problem when several different population variances "
        "are involved. Biometrika 34(1-2), 28-35.",
    ),
    "wellek": Cited(
        "Wellek 2010",
        "Wellek, S. (2010). Testing Statistical Hypotheses of Equivalence and Noninferiority. 2nd edition. Chapman "
        "and Hall/CRC, Boca Raton.",
    ),
    "wilson": Cited(
        "Wilson 1927",
        "Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the "
        "American Statistical Association 22(158), 209-212.",
    ),
}
"""In the order of their authors."""
