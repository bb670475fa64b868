// The image sets: MNIST and its relatives in IDX files, and CIFAR-10.

extension KnownDataset {
  public static let fashionMNIST = KnownDataset(
    name: "fashion-mnist", title: "Fashion-MNIST: 28 x 28 grey pictures of clothing",
    loader: IDXLoader(), kind: .images,
    shape: .image(height: 28, width: 28, channels: 1),
    classNames: [
      "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
      "Ankle boot",
    ], publishedCounts: (60_000, 10_000),
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
    loader: IDXLoader(), kind: .images,
    shape: .image(height: 28, width: 28, channels: 1), classNames: digits,
    publishedCounts: (60_000, 10_000),
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

  /// The splits of EMNIST (Cohen et al. 2017, table II).
  static let emnist = [
    emnist(
      "letters", firstLabel: 1, classNames: letters.map { $0.uppercased() }, (124_800, 20_800)),
    emnist("digits", classNames: digits, (240_000, 40_000)),
    emnist("mnist", classNames: digits, (60_000, 10_000)),
    emnist("balanced", classNames: mergedNames, (112_800, 18_800)),
    emnist("bymerge", classNames: mergedNames, (697_932, 116_323)),
    emnist(
      "byclass", classNames: digits + letters.map { $0.uppercased() } + letters,
      (697_932, 116_323)),
  ]

  /// Files of the user's: any size of image, and as many classes as the request says.
  public static let idx = KnownDataset(
    name: "idx", title: "grey pictures in four IDX files of yours",
    loader: IDXLoader(), kind: .images, files: mnist.files.map { $0.ofAnyContent },
    licence: "yours", source: "give the folder of the four files as data.path")

  public static let cifar10 = KnownDataset(
    name: "cifar-10", title: "CIFAR-10: 32 x 32 colour pictures of ten kinds of things",
    loader: CIFAR10Loader(), kind: .images,
    shape: .image(height: CIFAR10.side, width: CIFAR10.side, channels: CIFAR10.channels),
    classNames: [
      "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ], publishedCounts: (50_000, 10_000),
    files: (1...5).map { PublishedFile(["data_batch_\($0).bin"], size: 30_730_000) }
      + [PublishedFile(["test_batch.bin"], size: 30_730_000)],
    licence: "none stated by its authors",
    source: "put the files of its binary version into the folder yourself")

  private static let digits = (0...9).map { String($0) }
  private static let letters = "abcdefghijklmnopqrstuvwxyz".map { String($0) }
  /// Letters whose two cases look alike are one class.
  private static let mergedNames =
    digits + letters.map { $0.uppercased() } + [
      "a", "b", "d", "e", "f", "g", "h", "n", "q", "r", "t",
    ]

  private static func emnist(
    _ split: String, firstLabel: UInt8 = 0, classNames: [String],
    _ publishedCounts: (train: Int, test: Int)
  ) -> KnownDataset {
    KnownDataset(
      name: "emnist-\(split)", title: "EMNIST \(split): 28 x 28 grey pictures of handwriting",
      loader: IDXLoader(firstLabel: firstLabel, transposed: true), kind: .images,
      shape: .image(height: 28, width: 28, channels: 1), classNames: classNames,
      publishedCounts: publishedCounts,
      files: [
        PublishedFile(["emnist-\(split)-train-images-idx3-ubyte"]),
        PublishedFile(["emnist-\(split)-train-labels-idx1-ubyte"]),
        PublishedFile(["emnist-\(split)-test-images-idx3-ubyte"]),
        PublishedFile(["emnist-\(split)-test-labels-idx1-ubyte"]),
      ],
      licence: "CC0", source: "put its four IDX files into the folder yourself")
  }
}
