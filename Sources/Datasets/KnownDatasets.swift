// The data sets that can be asked for by name, and what is known about their files.

/// A data set that can be asked for by name.
public struct KnownDataset: Sendable, Hashable {
  /// How the files of a data set are read.
  public enum Format: Sendable, Hashable {
    /// IDX files; labels begin at `firstLabel`, and EMNIST's images lie on their side.
    case idx(classCount: Int, firstLabel: UInt8, transposed: Bool)
    case cifar10
    /// A training and a test table.
    case table(TableFormat)
    /// Any table, described in the request.
    case csv
    /// Drawn at random as described in the request.
    case synthetic
  }

  public let name: String
  public let title: String
  public let format: Format
  /// The training files first; the last one, or for IDX the last two, are the test part.
  public let files: [PublishedFile]
  public let licence: String
  /// How to come by it, as an imperative.
  public let source: String

  public static let all: [KnownDataset] = [
    fashionMNIST, mnist,
    emnist("letters", classCount: 26, firstLabel: 1), emnist("digits", classCount: 10),
    emnist("balanced", classCount: 47), cifar10, adult, csv, synthetic,
  ]

  public static let fashionMNIST = KnownDataset(
    name: "fashion-mnist", title: "Fashion-MNIST: 28 x 28 grey pictures of clothing",
    format: .idx(classCount: 10, firstLabel: 0, transposed: false),
    files: [
      PublishedFile(
        ["train-images-idx3-ubyte"], size: 47_040_016,
        sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
      PublishedFile(
        ["train-labels-idx1-ubyte"], size: 60_008,
        sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
      PublishedFile(
        ["t10k-images-idx3-ubyte"], size: 7_840_016,
        sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
      PublishedFile(
        ["t10k-labels-idx1-ubyte"], size: 10_008,
        sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    ],
    licence: "MIT", source: "install the Debian package dataset-fashion-mnist")

  public static let mnist = KnownDataset(
    name: "mnist", title: "MNIST: 28 x 28 grey pictures of handwritten digits",
    format: .idx(classCount: 10, firstLabel: 0, transposed: false),
    files: [
      PublishedFile(
        ["train-images-idx3-ubyte", "train-images.idx3-ubyte"], size: 47_040_016,
        sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
      PublishedFile(
        ["train-labels-idx1-ubyte", "train-labels.idx1-ubyte"], size: 60_008,
        sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
      PublishedFile(
        ["t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"], size: 7_840_016,
        sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
      PublishedFile(
        ["t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte"], size: 10_008,
        sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ],
    licence: "CC BY-SA 3.0", source: "run tools/data mnist")

  public static let cifar10 = KnownDataset(
    name: "cifar-10", title: "CIFAR-10: 32 x 32 colour pictures of ten kinds of things",
    format: .cifar10,
    files: (1...5).map { PublishedFile(["data_batch_\($0).bin"], size: 30_730_000) }
      + [PublishedFile(["test_batch.bin"], size: 30_730_000)],
    licence: "none stated by its authors",
    source: "put the files of its binary version into the folder yourself")

  public static let adult = KnownDataset(
    name: "adult", title: "Adult: income above 50,000 dollars from the US census of 1994",
    format: .table(.adult),
    files: [
      PublishedFile(
        ["adult.data"], size: 3_974_305,
        sha256: "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d"),
      PublishedFile(
        ["adult.test"], size: 2_003_153,
        sha256: "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05"),
    ],
    licence: "CC BY 4.0", source: "run tools/data adult")

  public static let csv = KnownDataset(
    name: "csv", title: "any table of text, described in the request", format: .csv, files: [],
    licence: "yours", source: "give the path of the file")

  public static let synthetic = KnownDataset(
    name: "synthetic", title: "one Gaussian cloud for each class, drawn from a seed",
    format: .synthetic, files: [], licence: "none needed", source: "nothing to fetch")

  private static func emnist(
    _ split: String, classCount: Int, firstLabel: UInt8 = 0
  ) -> KnownDataset {
    KnownDataset(
      name: "emnist-\(split)", title: "EMNIST \(split): 28 x 28 grey pictures of handwriting",
      format: .idx(classCount: classCount, firstLabel: firstLabel, transposed: true),
      files: [
        PublishedFile(["emnist-\(split)-train-images-idx3-ubyte"]),
        PublishedFile(["emnist-\(split)-train-labels-idx1-ubyte"]),
        PublishedFile(["emnist-\(split)-test-images-idx3-ubyte"]),
        PublishedFile(["emnist-\(split)-test-labels-idx1-ubyte"]),
      ],
      licence: "CC0", source: "put its four IDX files into the folder yourself")
  }

  /// The data set of that name.
  /// - Throws: `invalidRequest` with the names there are.
  public static func named(_ name: String) throws(DatasetError) -> KnownDataset {
    if let known = all.first(where: { $0.name == name }) { return known }
    throw DatasetError(
      .invalidRequest, at: "data set '\(name)'", "is not known",
      mend: "use one of: \(all.map(\.name).joined(separator: ", "))")
  }
}
