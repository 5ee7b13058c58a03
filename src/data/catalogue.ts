/**
 * Public data sets that can be fetched. The digests are those published in the checksum files of TensorFlow Datasets
 * (`tensorflow_datasets/url_checksums`, github.com/tensorflow/datasets, Apache-2.0); a data set whose digest is not
 * published is not here.
 */

export interface CatalogueFile {
  readonly name: string;
  /** Tried in this order: the authors' address, then mirrors with the same bytes. */
  readonly urls: readonly string[];
  readonly bytes: number;
  readonly sha256: string;
  /** Files of a tar.gz archive to take out, by their last names, with their sizes. */
  readonly members?: readonly { readonly name: string; readonly bytes: number }[];
  /** Which part of a table it has, where they are files of their own. */
  readonly split?: "train" | "test";
  /** What stands at the end of each row's last field and is no part of it. */
  readonly rowEnd?: string;
}

export interface CatalogueEntry {
  /** As the command line takes it; also the folder in the cache. */
  readonly name: string;
  readonly title: string;
  readonly contents: string;
  readonly licence: string;
  readonly citation: string;
  readonly homepage: string;
  readonly files: readonly CatalogueFile[];
  /** The columns of a table without a header. */
  readonly columns?: readonly string[];
}

/** name, bytes, SHA-256 */
type Row = readonly [name: string, bytes: number, sha256: string];

const idxFiles = (addresses: readonly string[], rows: readonly Row[]): CatalogueFile[] =>
  rows.map(([name, bytes, sha256]) => ({
    name,
    bytes,
    sha256,
    urls: addresses.map((address) => address + name),
  }));

const UCI = "https://archive.ics.uci.edu/ml/machine-learning-databases/";
const uciFiles = (folder: string, rows: readonly Row[]): CatalogueFile[] =>
  idxFiles([`${UCI}${folder}/`], rows);

const cifarBatch = (name: string, recordSize: number, records: number) => ({
  name,
  bytes: recordSize * records,
});

/** All data sets, by name. */
export const catalogue: readonly CatalogueEntry[] = [
  {
    name: "mnist",
    title: "MNIST handwritten digits",
    contents: "60,000 training and 10,000 test images, 28 x 28, grey, 10 classes (IDX)",
    licence: "CC BY-SA 3.0",
    citation:
      "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-based learning applied to document recognition. Proceedings of the IEEE 86 (1998)",
    homepage: "http://yann.lecun.com/exdb/mnist/",
    files: idxFiles(
      [
        "http://yann.lecun.com/exdb/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
      ],
      [
        [
          "train-images-idx3-ubyte.gz",
          9912422,
          "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ],
        [
          "train-labels-idx1-ubyte.gz",
          28881,
          "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ],
        [
          "t10k-images-idx3-ubyte.gz",
          1648877,
          "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ],
        [
          "t10k-labels-idx1-ubyte.gz",
          4542,
          "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ],
      ],
    ),
  },
  {
    name: "fashion-mnist",
    title: "Fashion-MNIST clothing",
    contents: "60,000 training and 10,000 test images, 28 x 28, grey, 10 classes (IDX)",
    licence: "MIT",
    citation:
      "H. Xiao, K. Rasul, R. Vollgraf. Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms. arXiv:1708.07747 (2017)",
    homepage: "https://github.com/zalandoresearch/fashion-mnist",
    files: idxFiles(
      ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"],
      [
        [
          "train-images-idx3-ubyte.gz",
          26421880,
          "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ],
        [
          "train-labels-idx1-ubyte.gz",
          29515,
          "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ],
        [
          "t10k-images-idx3-ubyte.gz",
          4422102,
          "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ],
        [
          "t10k-labels-idx1-ubyte.gz",
          5148,
          "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ],
      ],
    ),
  },
  {
    name: "kmnist",
    title: "Kuzushiji-MNIST cursive Japanese characters",
    contents: "60,000 training and 10,000 test images, 28 x 28, grey, 10 classes (IDX)",
    licence: "CC BY-SA 4.0",
    citation:
      "T. Clanuwat, M. Bober-Irizar, A. Kitamoto, A. Lamb, K. Yamamoto, D. Ha. Deep learning for classical Japanese literature. arXiv:1812.01718 (2018)",
    homepage: "http://codh.rois.ac.jp/kmnist/",
    files: idxFiles(
      ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"],
      [
        [
          "train-images-idx3-ubyte.gz",
          18165135,
          "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        ],
        [
          "train-labels-idx1-ubyte.gz",
          29497,
          "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        ],
        [
          "t10k-images-idx3-ubyte.gz",
          3041136,
          "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        ],
        [
          "t10k-labels-idx1-ubyte.gz",
          5120,
          "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ],
      ],
    ),
  },
  {
    name: "cifar-10",
    title: "CIFAR-10",
    contents: "50,000 training and 10,000 test images, 32 x 32, RGB, 10 classes (binary version)",
    licence: "none stated; the authors ask for the citation",
    citation: "A. Krizhevsky. Learning multiple layers of features from tiny images. Technical report (2009)",
    homepage: "https://www.cs.toronto.edu/~kriz/cifar.html",
    files: [
      {
        name: "cifar-10-binary.tar.gz",
        urls: ["https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"],
        bytes: 170052171,
        sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        members: [
          ...[1, 2, 3, 4, 5].map((batch) => cifarBatch(`data_batch_${batch}.bin`, 3073, 10_000)),
          cifarBatch("test_batch.bin", 3073, 10_000),
        ],
      },
    ],
  },
  {
    name: "cifar-100",
    title: "CIFAR-100",
    contents:
      "50,000 training and 10,000 test images, 32 x 32, RGB, 100 classes in 20 groups (binary version)",
    licence: "none stated; the authors ask for the citation",
    citation: "A. Krizhevsky. Learning multiple layers of features from tiny images. Technical report (2009)",
    homepage: "https://www.cs.toronto.edu/~kriz/cifar.html",
    files: [
      {
        name: "cifar-100-binary.tar.gz",
        urls: ["https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"],
        bytes: 168513733,
        sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        members: [cifarBatch("train.bin", 3074, 50_000), cifarBatch("test.bin", 3074, 10_000)],
      },
    ],
  },
  {
    name: "adult",
    title: "Adult (census income)",
    contents: "32,561 training and 16,281 test rows, 14 attributes, income above 50,000 dollars or not",
    licence: "CC BY 4.0",
    citation: "B. Becker, R. Kohavi. Adult. UCI Machine Learning Repository (1996). doi:10.24432/C5XW20",
    homepage: "https://archive.ics.uci.edu/dataset/2/adult",
    files: [
      ...uciFiles("adult", [
        ["adult.data", 3974305, "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d"],
      ]),
      ...uciFiles("adult", [
        ["adult.test", 2003153, "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05"],
      ]).map((file) => ({ ...file, split: "test" as const, rowEnd: "." })),
    ],
    columns: [
      "age",
      "workclass",
      "fnlwgt",
      "education",
      "education-num",
      "marital-status",
      "occupation",
      "relationship",
      "race",
      "sex",
      "capital-gain",
      "capital-loss",
      "hours-per-week",
      "native-country",
      "income",
    ],
  },
  {
    name: "iris",
    title: "Iris",
    contents: "150 rows, 4 measurements, 3 species",
    licence: "CC BY 4.0",
    citation: "R. A. Fisher. Iris. UCI Machine Learning Repository (1936). doi:10.24432/C56C76",
    homepage: "https://archive.ics.uci.edu/dataset/53/iris",
    files: uciFiles("iris", [
      ["iris.data", 4551, "6f608b71a7317216319b4d27b4d9bc84e6abd734eda7872b71a458569e2656c0"],
    ]),
    columns: ["sepal-length", "sepal-width", "petal-length", "petal-width", "species"],
  },
  {
    name: "abalone",
    title: "Abalone",
    contents: "4,177 rows, 8 measurements, the number of rings (age)",
    licence: "CC BY 4.0",
    citation:
      "W. Nash, T. Sellers, S. Talbot, A. Cawthorn, W. Ford. Abalone. UCI Machine Learning Repository (1994). doi:10.24432/C55C7W",
    homepage: "https://archive.ics.uci.edu/dataset/1/abalone",
    files: uciFiles("abalone", [
      ["abalone.data", 191873, "de37cdcdcaaa50c309d514f248f7c2302a5f1f88c168905eba23fe2fbc78449f"],
    ]),
    columns: [
      "sex",
      "length",
      "diameter",
      "height",
      "whole-weight",
      "shucked-weight",
      "viscera-weight",
      "shell-weight",
      "rings",
    ],
  },
  {
    name: "breast-cancer",
    title: "Breast Cancer Wisconsin (Original)",
    contents: "699 rows, 9 cell attributes from 1 to 10, benign (2) or malignant (4)",
    licence: "CC BY 4.0",
    citation:
      "W. Wolberg. Breast Cancer Wisconsin (Original). UCI Machine Learning Repository (1990). doi:10.24432/C5HP4Z",
    homepage: "https://archive.ics.uci.edu/dataset/15/breast+cancer+wisconsin+original",
    files: uciFiles("breast-cancer-wisconsin", [
      [
        "breast-cancer-wisconsin.data",
        19889,
        "402c585309c399237740f635ef9919dc512cca12cbeb20de5e563a4593f22b64",
      ],
    ]),
    columns: [
      "sample-code",
      "clump-thickness",
      "cell-size-uniformity",
      "cell-shape-uniformity",
      "marginal-adhesion",
      "epithelial-cell-size",
      "bare-nuclei",
      "bland-chromatin",
      "normal-nucleoli",
      "mitoses",
      "class",
    ],
  },
];
