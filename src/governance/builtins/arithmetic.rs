//! Operators by their names as functions: `minus(x, y)` is `x - y`.

use regorus::Value;

use super::call::Unable;
use super::own::failed;

/// How many bits the numbers that are multiplied may have together.
const MAX_BITS: u64 = 1 << 14;

macro_rules! operator {
    ($name:ident, $method:ident) => {
        pub(super) fn $name(arguments: &[Value]) -> Result<Value, Unable> {
            let [Value::Number(left), Value::Number(right)] = arguments else {
                return failed("two numbers expected");
            };
            left.$method(right).map(Value::from).map_err(|error| Unable::Failed(error.to_string()))
        }
    };
}

operator!(plus, add);
operator!(subtract, sub);
operator!(multiply, mul);

pub(super) fn minus(arguments: &[Value]) -> Result<Value, Unable> {
    match arguments {
        [Value::Set(left), Value::Set(right)] => Ok(Value::from(left.difference(right))),
        _ => subtract(arguments),
    }
}

pub(super) fn mul(arguments: &[Value]) -> Result<Value, Unable> {
    let bits = |one: &Value| match one {
        Value::Number(number) if number.as_i64().is_none() => {
            number.as_big().map_or(0, |big| big.bits())
        }
        _ => 0,
    };
    if arguments.iter().map(bits).sum::<u64>() > MAX_BITS {
        return Err(Unable::TooMuch("the numbers are too large".to_owned()));
    }
    multiply(arguments)
}

pub(super) fn div(arguments: &[Value]) -> Result<Value, Unable> {
    match arguments {
        [Value::Number(_), Value::Number(right)] if right.as_f64() == Some(0.0) => {
            failed("division by zero")
        }
        [Value::Number(left), Value::Number(right)] => left
            .clone()
            .divide(right)
            .map(Value::from)
            .map_err(|error| Unable::Failed(error.to_string())),
        _ => failed("two numbers expected"),
    }
}

pub(super) fn rem(arguments: &[Value]) -> Result<Value, Unable> {
    match arguments {
        [Value::Number(left), Value::Number(right)] => {
            if !left.is_integer() || !right.is_integer() {
                failed("two integers expected")
            } else if right.as_f64() == Some(0.0) {
                failed("division by zero")
            } else {
                left.clone()
                    .modulo(right)
                    .map(Value::from)
                    .map_err(|error| Unable::Failed(error.to_string()))
            }
        }
        _ => failed("two numbers expected"),
    }
}

/// How far bits may be shifted.
const MAX_SHIFT: u64 = 4096;

pub(super) fn shift_left(arguments: &[Value]) -> Result<Value, Unable> {
    let [Value::Number(number), Value::Number(distance)] = arguments else {
        return failed("two numbers expected");
    };
    let (Ok(big), Some(distance), true) =
        (number.to_big(), distance.as_u64(), number.is_integer() && distance.is_integer())
    else {
        return failed("an integer and a distance that is not negative expected");
    };
    if distance > MAX_SHIFT || big.bits() > MAX_BITS {
        return Err(Unable::TooMuch(format!("a shift by more than {MAX_SHIFT} bits")));
    }
    let mut shifted = number.clone();
    shifted = ((*big).clone() << distance).into();
    Ok(Value::from(shifted))
}

pub(super) fn and(arguments: &[Value]) -> Result<Value, Unable> {
    match arguments {
        [Value::Set(left), Value::Set(right)] => Ok(Value::from(left.intersection(right))),
        _ => failed("two sets expected"),
    }
}

pub(super) fn or(arguments: &[Value]) -> Result<Value, Unable> {
    match arguments {
        [Value::Set(left), Value::Set(right)] => Ok(Value::from(left.union(right))),
        _ => failed("two sets expected"),
    }
}
