//! What a training job runs on: accelerators with the shares of their ratings that software reaches, and a tiered network.
//!
//! Two constants of the A100 (`gemm_share`, `op_s`) were fixed on the four full-recompute rows of Table 5 of arXiv
//! 2205.05198 and are held since; the others' `gemm_share` on one published run each, of known layout; that of 16 bits
//! follows from 8 bits by measured products. See `named`.
//!
//! Not modelled: contention between jobs, routing inside the fabric (it is non-blocking), clocks that fall with heat.

/// Arithmetic format of the large matrix products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 16 bits (BF16, FP16).
    Bf16,
    /// 8 bits.
    Fp8,
    /// 4 bits.
    Fp4,
}

impl Precision {
    /// The word that scenario files use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::Fp8 => "fp8",
            Self::Fp4 => "fp4",
        }
    }
}

/// One GPU as training software finds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Accelerator {
    /// Product name as in the catalogue of GPUs.
    pub name: String,
    /// Dense peak, FLOP/s: 16 bits, 8 bits, 4 bits. Zero where the product lacks the format.
    pub peak_flops: [f64; 3],
    /// Share of the peak that a large matrix product reaches, in each format.
    pub gemm_share: [f64; 3],
    /// Share of the 16-bit peak that fused attention reaches, forward and backward.
    pub attention_share: (f64, f64),
    /// Fixed time of every operation (launch, first and last wave), s.
    pub op_s: f64,
    /// Standard deviation of the speed of GPUs of one product about their mean, as a share.
    pub spread: f64,
    /// Memory, bytes.
    pub memory_bytes: f64,
    /// Memory bandwidth, bytes/s.
    pub memory_bytes_per_s: f64,
    /// Share of the memory bandwidth that streaming operations reach.
    pub memory_share: f64,
    /// Memory that is not for the model (context, communication buffers, fragments), bytes.
    pub reserved_bytes: f64,
}

/// A level of the network as one GPU sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tier {
    /// Rated bandwidth of one GPU in one direction, bytes/s.
    pub bytes_per_s: f64,
    /// Share of it that a collective reaches.
    pub share: f64,
    /// Latency of one operation, s.
    pub latency_s: f64,
}

impl Tier {
    /// Bandwidth that a collective reaches, bytes/s.
    #[must_use]
    pub fn reached(&self) -> f64 {
        self.bytes_per_s * self.share
    }
}

/// Accelerators and the network between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// The GPU.
    pub accelerator: Accelerator,
    /// GPUs in one NVLink domain.
    pub domain_gpus: u32,
    /// The network within a domain.
    pub domain: Tier,
    /// The scale-out fabric between domains.
    pub fabric: Tier,
    /// Sites over which one job is spread; 1: all in one place.
    pub sites: u32,
    /// The network between sites, per GPU; used only with more than one site.
    pub between: Tier,
}

const GB: f64 = 1e9;
/// Not for the model: context, communication buffers and fragments together. guess: 4 to 8 GB are usual.
const RESERVED_BYTES: f64 = 6.0 * GB;
/// Streaming operations reach this share of the rated bandwidth. measured: Calculon's A100 table has 0.75 to 0.95 above 1 MB.
const MEMORY_SHARE: f64 = 0.85;
/// Ring all-reduce within an NVSwitch domain reaches about 230 of 300 GB/s on A100. guess from common benchmark practice.
const DOMAIN_SHARE: f64 = 0.77;
/// InfiniBand and Ethernet with RDMA. published: Calculon system files, 0.9.
const FABRIC_SHARE: f64 = 0.9;
/// Latencies. published: Calculon system files, 10 and 20 µs.
const DOMAIN_LATENCY_S: f64 = 10e-6;
const FABRIC_LATENCY_S: f64 = 20e-6;
/// Fused attention reaches this share of peak, forward and backward. guess: FlashAttention-2 publications show 50 to 73 %.
const ATTENTION_SHARE: (f64, f64) = (0.55, 0.42);
/// Fixed time of an operation. calibrated with the A100's share on the full-recompute rows of arXiv 2205.05198 Table 5.
const OP_S: f64 = 34e-6;
/// Spread of the speed of GPUs of one product. measured: arXiv 2208.11035 (SC 2022): 8 % on average between GPUs of one
/// product on five clusters, other GPUs than these; outliers apart, which an operator takes out of service. guess: that is
/// the width between the whiskers of a normal distribution, 2 x 2.698 standard deviations.
const SPREAD: f64 = 0.08 / (2.0 * 2.698);
/// Best measured matrix product, TFLOP/s, over the datasheet's peak, 16 bits over 8: H100 SXM 794.5 of 989 and 1402.6 of
/// 1979; B200 1745 of 2250 and 3432.5 of 4500. measured: S. Bekman, Machine Learning Engineering, tables of MAMF (2025).
const H100_16_OVER_8: f64 = (794.5 / 989.0) / (1402.6 / 1979.0);
const B200_16_OVER_8: f64 = (1745.0 / 2250.0) / (3432.5 / 4500.0);
/// Long-haul bandwidth per GPU between sites. guess: 100 Tbit/s (250 waves of 400 Gbit/s) for 100,000 GPUs.
const BETWEEN: Tier = Tier { bytes_per_s: 125e6, share: 0.8, latency_s: 10e-3 };

impl Cluster {
    /// The cluster around a product of the catalogue, with the source of each constant:
    ///
    /// * A100: 312 TFLOP/s, 80 GB at 2039 GB/s, 8 GPUs at 300 GB/s, 25 GB/s fabric (datasheet). `gemm_share` 0.826 and
    ///   `op_s` 34 µs: **calibrated** on the four full-recompute rows of arXiv 2205.05198 Table 5, nothing else.
    /// * H100, H200: 989 and 1979 TFLOP/s, 3350 and 4800 GB/s, 8 at 450 GB/s, 50 GB/s (datasheet). `gemm_share` of 8 bits:
    ///   **calibrated** on the FP8 run of LLaMA-2 70B on 64 H100 (NVIDIA NeMo 24.07, published layout, 759 TFLOP/s), held
    ///   for every other run. 16 bits: that times the ratio of the best measured products of both formats.
    /// * GB200, GB300: 2.5 and 5 PFLOP/s, 8 TB/s, 72 at 900 GB/s, 50 and 100 GB/s (datasheet or claim). 8 and 4 bits:
    ///   **calibrated** on the runs of Llama 3.1 405B on 256 GPUs each (NVIDIA Megatron Bridge 26.02, published layouts: 793
    ///   and 1076, 988 and 1333 tokens/s per GPU); 16 bits by the ratio measured on B200.
    #[must_use]
    pub fn named(product: &str) -> Option<Self> {
        let h100 = [H100_GEMM_SHARE * H100_16_OVER_8, H100_GEMM_SHARE, 0.0];
        let gb200 = [GB200_GEMM_SHARE * B200_16_OVER_8, GB200_GEMM_SHARE, 0.444];
        let gb300 = [GB300_GEMM_SHARE * B200_16_OVER_8, GB300_GEMM_SHARE, 0.427];
        let (peak_flops, gemm_share, memory_bytes, memory_bytes_per_s, domain_gpus, domain, fabric) = match product {
            "A100" => ([312e12, 0.0, 0.0], [0.826, 0.0, 0.0], 80.0 * GB, 2.039e12, 8, 300.0 * GB, 25.0 * GB),
            "H100" => ([989e12, 1979e12, 0.0], h100, 80.0 * GB, 3.35e12, 8, 450.0 * GB, 50.0 * GB),
            "H200" => ([989e12, 1979e12, 0.0], h100, 141.0 * GB, 4.8e12, 8, 450.0 * GB, 50.0 * GB),
            "GB200" => ([2.5e15, 5e15, 10e15], gb200, 186.0 * GB, 8e12, 72, 900.0 * GB, 50.0 * GB),
            "GB300" => ([2.5e15, 5e15, 15e15], gb300, 279.0 * GB, 8e12, 72, 900.0 * GB, 100.0 * GB),
            _ => return None,
        };
        Some(Self {
            accelerator: Accelerator {
                name: product.to_owned(),
                peak_flops,
                gemm_share,
                attention_share: ATTENTION_SHARE,
                op_s: OP_S,
                spread: SPREAD,
                memory_bytes,
                memory_bytes_per_s,
                memory_share: MEMORY_SHARE,
                reserved_bytes: RESERVED_BYTES,
            },
            domain_gpus,
            domain: Tier { bytes_per_s: domain, share: DOMAIN_SHARE, latency_s: DOMAIN_LATENCY_S },
            fabric: Tier { bytes_per_s: fabric, share: FABRIC_SHARE, latency_s: FABRIC_LATENCY_S },
            sites: 1,
            between: BETWEEN,
        })
    }
}

/// Share of the 8-bit peak that large matrix products reach: see [`Cluster::named`].
const H100_GEMM_SHARE: f64 = 0.682;
const GB200_GEMM_SHARE: f64 = 0.567;
const GB300_GEMM_SHARE: f64 = 0.781;

impl Accelerator {
    /// How much longer the slowest of so many GPUs computes than their mean, as a factor: all others wait for it.
    ///
    /// The expected largest of n standard normals is about the quantile (n - 3/8) / (n + 1/4) (Blom 1958); the quantile is
    /// Abramowitz and Stegun 26.2.23, within 4.5e-4. A slow GPU of any rank holds up its tensor group at every layer, its
    /// pipeline at every micro-batch and the job at every step, so the number is that of all GPUs.
    #[must_use]
    pub fn slowest(&self, gpus: f64) -> f64 {
        if gpus <= 1.0 {
            return 1.0;
        }
        let t = libm::sqrt(-2.0 * libm::log(0.625 / (gpus + 0.25)));
        let over = 2.515_517 + t * (0.802_853 + t * 0.010_328);
        let under = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
        1.0 + self.spread * (t - over / under)
    }

    /// Dense peak in a format, FLOP/s.
    #[must_use]
    pub fn peak(&self, precision: Precision) -> f64 {
        self.peak_flops[precision as usize]
    }
}
