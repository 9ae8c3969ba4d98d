//! Cholesky factors and triangular solutions of small dense blocks, row by row in slices of `n * n`.
//!
//! Not modelled: pivoting, blocks that do not fit in a core's cache.

/// A pivot below this share of its diagonal before elimination carries no information any more; its row is set aside.
const LEAST_PIVOT: f64 = 1e-15;
/// What stands for a pivot that was set aside: its unknown comes out as zero.
const SET_ASIDE: f64 = 1e100;

/// Replaces the lower half of a symmetric positive definite `n` by `n` block by its Cholesky factor.
///
/// Rows whose pivot vanishes to rounding are set aside, as interior-point codes do: the unknown of such a row is then
/// determined by nothing but rounding, and a zero step in it is as good as any.
pub fn factor(a: &mut [f64], n: usize) {
    for i in 0..n {
        let (above, rest) = a.split_at_mut(i * n);
        let row = &mut rest[..n];
        let before = row[i];
        for j in 0..i {
            let other = &above[j * n..j * n + n];
            let sum = dot(&row[..j], &other[..j]);
            row[j] = (row[j] - sum) * other[j];
        }
        let pivot = before - dot(&row[..i], &row[..i]);
        // The diagonal holds the inverse: every later use is a multiplication.
        row[i] = if pivot > LEAST_PIVOT * before { 1.0 / libm::sqrt(pivot) } else { 1.0 / SET_ASIDE };
    }
}

/// `b := L⁻¹ b`.
pub fn forward(l: &[f64], n: usize, b: &mut [f64]) {
    for i in 0..n {
        let row = &l[i * n..i * n + n];
        b[i] = (b[i] - dot(&row[..i], &b[..i])) * row[i];
    }
}

/// `b := L⁻ᵀ b`.
pub fn backward(l: &[f64], n: usize, b: &mut [f64]) {
    for i in (0..n).rev() {
        let row = &l[i * n..i * n + n];
        let value = b[i] * row[i];
        b[i] = value;
        for (b, l) in b[..i].iter_mut().zip(&row[..i]) {
            *b -= l * value;
        }
    }
}

/// `B := L⁻¹ B` for a block of `n` rows and `m` columns.
pub fn forward_block(l: &[f64], n: usize, b: &mut [f64], m: usize) {
    for i in 0..n {
        let (above, rest) = b.split_at_mut(i * m);
        let row = &mut rest[..m];
        for (j, factor) in l[i * n..i * n + i].iter().enumerate() {
            // Blocks begin as diagonals: what is still zero costs nothing.
            if *factor != 0.0 {
                for (b, a) in row.iter_mut().zip(&above[j * m..j * m + m]) {
                    *b -= factor * a;
                }
            }
        }
        let scale = l[i * n + i];
        for b in row.iter_mut() {
            *b *= scale;
        }
    }
}

/// `C -= Aᵀ B` for blocks of `n` rows and `m` columns.
pub fn subtract_product(a: &[f64], b: &[f64], n: usize, m: usize, c: &mut [f64]) {
    for k in 0..n {
        let right = &b[k * m..k * m + m];
        for i in 0..m {
            let factor = a[k * m + i];
            if factor != 0.0 {
                for (c, b) in c[i * m..i * m + m].iter_mut().zip(right) {
                    *c -= factor * b;
                }
            }
        }
    }
}

/// `b -= Aᵀ x` for a block of `n` rows and `m` columns.
pub fn subtract_transposed(a: &[f64], x: &[f64], n: usize, m: usize, b: &mut [f64]) {
    for k in 0..n {
        for (b, a) in b[..m].iter_mut().zip(&a[k * m..k * m + m]) {
            *b -= a * x[k];
        }
    }
}

/// `b -= A x` for a block of `n` rows and `m` columns.
pub fn subtract_straight(a: &[f64], x: &[f64], n: usize, m: usize, b: &mut [f64]) {
    for k in 0..n {
        b[k] -= dot(&a[k * m..k * m + m], &x[..m]);
    }
}

/// Sum of products, in four lanes whose order is fixed.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (a4, b4) = (a.chunks_exact(4), b.chunks_exact(4));
    let tail: f64 = a4.remainder().iter().zip(b4.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a4.zip(b4) {
        for i in 0..4 {
            lanes[i] += a[i] * b[i];
        }
    }
    (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]) + tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_solves_its_own_system() {
        let n = 7;
        let seed: Vec<f64> = (0..n * n).map(|i| libm::sin(i as f64 * 1.7)).collect();
        let mut a = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..n {
                a[i * n + j] = (0..n).map(|k| seed[i * n + k] * seed[j * n + k]).sum::<f64>();
            }
            a[i * n + i] += 1.0;
        }
        let x: Vec<f64> = (0..n).map(|i| 1.0 + i as f64).collect();
        let mut b: Vec<f64> = (0..n).map(|i| dot(&a[i * n..i * n + n], &x)).collect();
        factor(&mut a, n);
        forward(&a, n, &mut b);
        backward(&a, n, &mut b);
        for (found, wanted) in b.iter().zip(&x) {
            assert!((found - wanted).abs() < 1e-12, "{found} for {wanted}");
        }
    }

    #[test]
    fn a_row_that_says_nothing_is_set_aside() {
        let mut a = vec![1.0, 1.0, 1.0, 1.0];
        factor(&mut a, 2);
        let mut b = vec![2.0, 2.0];
        forward(&a, 2, &mut b);
        backward(&a, 2, &mut b);
        assert!((b[0] - 2.0).abs() < 1e-12 && b[1].abs() < 1e-12, "{b:?}");
    }
}
