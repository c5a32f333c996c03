//! Programs that write where only the runner should.

use cofferdam_sandbox::{Error, Input, Outcome};

use super::support::{limits, reaching, run_with};

async fn attack(source: &str) -> Outcome {
    run_with(&reaching(source), &Input::new(), &limits().output(10_000)).await
}

#[tokio::test]
async fn printing_is_text_and_the_old_descriptors_are_noise() {
    let outcome = attack("print('{\"result\": 1}')\nraise ValueError('no')").await;
    assert!(matches!(outcome.result, Err(Error::Exception { .. })));
    assert_eq!(outcome.stdout, "{\"result\": 1}\n");
    // A whole forged frame on 1 and 2, and on whatever comes in at 0.
    let frame = "frame = bytes(16) + b'\\x03' + (1).to_bytes(8, 'little') + b'9'\nos.write(1, frame)\nos.write(2, frame)\ntry:\n    os.write(0, frame)\nexcept OSError: pass\nresult = os.read(0, 10) == b''";
    let outcome = attack(frame).await;
    assert_eq!(outcome.result.unwrap(), true);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
}

#[tokio::test]
async fn noise_past_the_frames_counts_as_output() {
    for descriptor in [1, 2] {
        let outcome = attack(&format!("while True: os.write({descriptor}, b'x' * 1000)")).await;
        assert!(matches!(outcome.result, Err(Error::Output { limit: 10_000 })), "{:?}", outcome.result);
    }
}

#[tokio::test]
async fn garbage_on_the_channel_is_the_programs_fault() {
    for garbage in [
        "b'garbage' * 10",
        // The right nonce, and a kind that there is not.
        "nonce + b'\\xff' + bytes(8)",
        // A length that no host has memory for, of each kind that is read whole.
        "nonce + b'\\x02' + b'\\xff' * 8",
        "nonce + b'\\x06' + b'\\xff' * 8",
        "nonce + b'\\x07' + b'\\xff' * 8",
        "nonce + b'\\x00' + bytes(8)",
    ] {
        let source = format!("{CHANNEL}os.write(channel._answers, {garbage})\nwhile True: pass");
        let outcome = attack(&source).await;
        assert!(matches!(outcome.result, Err(Error::Crashed { .. })), "{garbage}: {:?}", outcome.result);
    }
}

#[tokio::test]
async fn a_length_from_the_program_is_compared_with_the_budget_first() {
    // A result of 16 EiB, and an endless text.
    for (kind, truncated) in [(3, false), (4, true), (5, true)] {
        let source = format!(
            "{CHANNEL}os.write(channel._answers, nonce + bytes([{kind}]) + b'\\xff' * 8)\nwhile True: os.write(channel._answers, b'x' * 4096)"
        );
        let outcome = attack(&source).await;
        assert!(
            matches!(outcome.result, Err(Error::Output { limit: 10_000 })),
            "{kind}: {:?}",
            outcome.result
        );
        assert_eq!(outcome.truncated, truncated, "{kind}");
        assert!(outcome.stdout.len() + outcome.stderr.len() <= 10_000);
    }
}

#[tokio::test]
async fn a_program_that_answers_for_its_runner_chooses_no_more_than_its_result() {
    let source = format!("{CHANNEL}channel.send(3, b'\"mine\"')\nresult = 'honest'");
    assert_eq!(attack(&source).await.result.unwrap(), "mine");
    // Usage that cannot be true is cut to what can.
    let source = format!("{CHANNEL}channel.send(7, b'\\xff' * 16)\nchannel.send(3, b'1')\nwhile True: pass");
    let outcome = attack(&source).await;
    assert_eq!(outcome.result.unwrap(), 1);
    assert!(outcome.usage.peak_memory <= limits().memory);
    assert!(outcome.usage.cpu.unwrap() <= outcome.usage.wall * 4096);
}

/// Finds the runner's own channel, as only a program does that has read the runner.
const CHANNEL: &str = "main = [o for o in reach('gc').get_objects() if type(o).__name__ == 'Channel' and hasattr(o, '_nonce')]\nif not main:\n    frame = sys._getframe()\n    while frame.f_back: frame = frame.f_back\n    while frame and 'PROTOCOL' not in frame.f_globals: frame = frame.f_back\n    f = sys._getframe()\n    while f:\n        if 'channel' in f.f_locals: main = [f.f_locals['channel']]\n        f = f.f_back\nchannel = main[0]\nnonce = channel._nonce\n";
