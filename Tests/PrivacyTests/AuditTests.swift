import Privacy
import TestSupport
import Testing

@Suite("Audits")
struct AuditTests {
  @Test("lower bounds from guesses", arguments: Golden.cases("audit"))
  func golden(golden: GoldenCase) {
    let delta = golden.input("delta")
    let significance = golden.input("significance")
    if golden.inputs["n_in"] != nil {
      let bound = Audit.clopperPearson(
        truePositives: golden.count("true_positives"), positives: golden.count("n_in"),
        falsePositives: golden.count("false_positives"), negatives: golden.count("n_out"),
        significance: significance, delta: delta)
      #expect(golden.agrees(bound.epsilon, with: "eps_lower_one_sided"), "\(bound)")
      #expect(golden.agrees(bound.epsilon, with: "eps_lower_two_sided"))
      #expect(golden.agrees(bound.falseNegativeRate, with: "fnr_upper"))
      #expect(golden.agrees(bound.falsePositiveRate, with: "fpr_upper"))
    } else {
      let (canaries, guesses) = (golden.count("canaries"), golden.count("guesses"))
      let correct = golden.count("correct")
      let epsilon = Audit.oneRun(
        canaries: canaries, guesses: guesses, correct: correct, significance: significance,
        delta: delta)
      #expect(golden.agrees(epsilon, with: "eps_lower"), "\(epsilon)")
      let p = Audit.oneRunPValue(
        epsilon: 1, canaries: canaries, guesses: guesses, correct: correct, delta: delta)
      #expect(golden.agrees(p, with: "p_value_at_eps_1"), "\(p)")
    }
  }

  @Test("random guessing proves nothing")
  func chance() {
    #expect(Audit.oneRun(canaries: 100, guesses: 100, correct: 50, delta: 0) == 0)
    #expect(
      Audit.clopperPearson(
        truePositives: 10, positives: 10, falsePositives: 10, negatives: 10, delta: 0
      ).epsilon == 0)
  }
}
