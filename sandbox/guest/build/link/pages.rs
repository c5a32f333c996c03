//! Functions over the pages of the memory, for the host alone: Python knows nothing of them.
//!
//! A page that an instance reads first and writes later is mapped twice, and the second time every processor must hear
//! of it. So the host asks an instance that has run a program which pages it wrote to, and has later instances write to
//! those before they do anything else.

use wasm_encoder::{BlockType, Function, Instruction, MemArg, ValType};

/// The interface that the host looks at the memory by.
pub(super) const INTERFACE: &str = "cofferdam:python/pages@0.1.0";

/// Takes the memory, as address and length; likewise how `touch` takes pages.
pub(super) const TWO_NUMBERS: [ValType; 2] = [ValType::I32, ValType::I32];

/// Shows the whole memory to the function of [`INTERFACE`] with this index.
pub(super) fn survey(show: u32) -> Function {
    let mut function = Function::new([]);
    function
        .instruction(&Instruction::I32Const(0))
        .instruction(&Instruction::MemorySize(0))
        // The memory is counted in pages of 64 KiB.
        .instruction(&Instruction::I32Const(16))
        .instruction(&Instruction::I32Shl)
        .instruction(&Instruction::Call(show))
        .instruction(&Instruction::End);
    function
}

/// Takes the number of a page of 4 KiB and how many there are, and writes the first byte of each back to it.
pub(super) fn touch() -> Function {
    const PAGE: u32 = 0;
    const COUNT: u32 = 1;
    let byte = MemArg { offset: 0, align: 0, memory_index: 0 };
    let mut function = Function::new([]);
    let address = |function: &mut Function| {
        function
            .instruction(&Instruction::LocalGet(PAGE))
            .instruction(&Instruction::I32Const(12))
            .instruction(&Instruction::I32Shl);
    };
    function
        .instruction(&Instruction::Block(BlockType::Empty))
        .instruction(&Instruction::Loop(BlockType::Empty))
        .instruction(&Instruction::LocalGet(COUNT))
        .instruction(&Instruction::I32Eqz)
        .instruction(&Instruction::BrIf(1));
    address(&mut function);
    address(&mut function);
    function.instruction(&Instruction::I32Load8U(byte)).instruction(&Instruction::I32Store8(byte));
    for (local, step) in [(PAGE, 1), (COUNT, -1)] {
        function
            .instruction(&Instruction::LocalGet(local))
            .instruction(&Instruction::I32Const(step))
            .instruction(&Instruction::I32Add)
            .instruction(&Instruction::LocalSet(local));
    }
    function
        .instruction(&Instruction::Br(0))
        .instruction(&Instruction::End)
        .instruction(&Instruction::End)
        .instruction(&Instruction::End);
    function
}
