//! Tests of the whole: the rules of the house, and stories told with real processes.

mod house;
