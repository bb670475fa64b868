import Privacy
import TestSupport
import Testing

@Suite("Privacy-loss distributions")
struct PLDAccountantTests {
  static let compositions =
    (Golden.cases("dpsgd_eps") + Golden.cases("hetero_eps") + Golden.cases("edge")
    + Golden.cases("individual")).filter { $0.outputs["eps_pld_fine"] != nil }

  @Test("epsilon on the standard grid", arguments: compositions)
  func standardGrid(golden: GoldenCase) throws {
    let epsilon = try PLDAccountant().epsilon(of: golden.event(), delta: golden.input("delta"))
    let fine = golden.value("eps_pld_fine") ?? .nan
    // Where no plain transform reaches δ there is no pessimistic value of another library.
    let pessimistic = golden.value("eps_pld_pessimistic") ?? fine
    #expect(epsilon >= fine * (1 - 2e-4), "\(epsilon) \(fine)")
    #expect(epsilon <= pessimistic * (1 + 1e-3), "\(epsilon) \(pessimistic)")
    if let lower = golden.outputs["eps_prv"]?["lower"]?.number { #expect(epsilon >= lower) }
  }

  @Test(
    "the same grid gives the same epsilon as another library",
    arguments: (compositions + Golden.cases("gaussian_exact")).filter {
      // Below 1e-11 the library's own transform is noise.
      $0.outputs["eps_pld_pessimistic"] != nil && $0.input("delta") > 1e-11
    })
  func sameGrid(golden: GoldenCase) throws {
    let accountant = PLDAccountant(discretization: golden.discretization("eps_pld_pessimistic"))
    let epsilon = try accountant.epsilon(of: golden.event(), delta: golden.input("delta"))
    #expect(golden.agrees(epsilon, with: "eps_pld_pessimistic"), "\(epsilon)")
  }

  @Test(
    "losses rounded down give the optimistic epsilon",
    arguments: Golden.cases("dpsgd_eps").filter { $0.outputs["eps_pld_optimistic"] != nil })
  func optimistic(golden: GoldenCase) throws {
    let accountant = PLDAccountant(
      discretization: golden.discretization("eps_pld_optimistic"), estimate: .optimistic)
    let epsilon = try accountant.epsilon(of: golden.event(), delta: golden.input("delta"))
    #expect(golden.agrees(epsilon, with: "eps_pld_optimistic"), "\(epsilon)")
  }
}
