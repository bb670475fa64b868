import ArgumentParser

@main
struct DPFLSim: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dpflsim",
    abstract: "Simulate differentially private clustered federated learning.")
}
