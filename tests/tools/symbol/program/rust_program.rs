// A Rust program for names in the mangling that rustc uses, with a generic and an inlined function.
mod shop {
    pub struct Shelf {
        pub items: Vec<u64>,
    }

    impl Shelf {
        #[inline(never)]
        pub fn count(&self, seed: u64) -> u64 {
            self.items.iter().map(|item| item ^ seed).sum()
        }
    }

    #[inline(never)]
    pub fn largest<T: PartialOrd + Copy>(values: &[T]) -> T {
        let mut best = values[0];
        for value in values {
            if *value > best {
                best = *value;
            }
        }
        best
    }
}

fn main() {
    let shelf = shop::Shelf { items: std::env::args().map(|word| word.len() as u64).collect() };
    println!("{} {}", shelf.count(7), shop::largest(&shelf.items));
}
