//! What a program finds that got past Python and talks to the kernel itself.

use serde_json::{Value, json};

use super::support::{limits, reaching, run, run_with};
use cofferdam_sandbox::{Error, Input};

async fn reach(source: &str) -> Value {
    run(&reaching(source)).await.result.unwrap()
}

#[tokio::test]
async fn it_is_nobody_without_any_privilege() {
    let source = "lines = dict(l.split(':\\t', 1) for l in reach('io').open('/proc/self/status').read().splitlines() if ':\\t' in l)\nresult = {k: lines[k].strip() for k in ['Uid', 'Gid', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Seccomp', 'Groups']}\nassert result.pop('Groups') in ('', '65534')";
    let nobody = "65534\t65534\t65534\t65534";
    let none = "0000000000000000";
    assert_eq!(
        reach(source).await,
        json!({"Uid": nobody, "Gid": nobody, "CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none,
            "CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2"})
    );
}

#[tokio::test]
async fn there_is_no_network_and_no_socket() {
    // `socket` is not needed for any of this; its C module asks the kernel.
    let source = "s = reach('_socket')\ndef kind(f, *a):\n    try:\n        f(*a)\n        return 'made'\n    except OSError as e:\n        return e.errno\nresult = [[kind(s.socket, family, t) for family in (1, 2, 10, 16, 17) for t in (1, 2, 3)], kind(s.socketpair), sorted(l.split(':')[0].strip() for l in reach('io').open('/proc/net/dev').read().splitlines()[2:])]";
    let found = reach(source).await;
    assert_eq!(found[0], json!(vec![1; 15]));
    assert_eq!(found[1], 1);
    assert_eq!(found[2], json!(["lo"]));
}

#[tokio::test]
async fn nothing_but_a_small_tmp_can_be_written_and_nothing_can_be_run() {
    let source = "io = reach('io')\ndef attempt(f, *a):\n    try:\n        return f(*a)\n    except OSError as e:\n        return e.errno\ndirs = ['/', '/dev', '/etc', '/usr', '/usr/lib/cofferdam', '/proc', '/sys', '/dev/shm', '/run', '/var']\nwritten = [d for d in dirs if not isinstance(attempt(io.open, d + '/x', 'w'), int)]\nio.open('/tmp/x', 'w').write('#!/usr/bin/python3\\n')\nbig = io.open('/tmp/big', 'wb', 0)\ntotal = 0\nwhile True:\n    n = attempt(big.write, b'x' * (1 << 20))\n    total += n\n    if n < 1 << 20: break\nresult = [written, attempt(os.chmod, '/tmp/x', 0o755), attempt(os.execv, '/tmp/x', ['x']), attempt(os.execv, '/usr/bin/python3', ['x']), attempt(os.fork), attempt(os.posix_spawn, '/usr/bin/python3', ['x'], {}), total >> 20, [l.split()[3] for l in io.open('/proc/self/mounts') if l.split()[1] == '/tmp']]";
    let found = reach(source).await;
    assert_eq!(found[0], json!([]));
    assert_eq!(found.as_array().unwrap()[1..6], [json!(1), json!(1), json!(1), json!(1), json!(1)]);
    assert!(found[6].as_u64().unwrap() <= 16, "{found}");
    let options = found[7][0].as_str().unwrap();
    for option in ["noexec", "nosuid", "nodev"] {
        assert!(options.contains(option), "{options}");
    }
}

#[tokio::test]
async fn the_forbidden_system_calls_answer_that_they_are_forbidden() {
    // Names and numbers for x86_64, with arguments that would be harmless if they were let through.
    let calls: &[(&str, &[i64])] = &[
        ("socket", &[41, 2, 1, 0]),
        ("socketpair", &[53, 1, 1, 0]),
        ("ptrace", &[101, 0]),
        ("mount", &[165, 0]),
        ("umount2", &[166, 0]),
        ("unshare", &[272, 0x1000_0000]),
        ("setns", &[308, -1]),
        ("pivot_root", &[155, 0]),
        ("chroot", &[161, 0]),
        ("keyctl", &[250, 0]),
        ("add_key", &[248, 0]),
        ("request_key", &[249, 0]),
        ("bpf", &[321, 0]),
        ("io_uring_setup", &[425, 1, 0]),
        ("userfaultfd", &[323, 0]),
        ("perf_event_open", &[298, 0]),
        ("process_vm_readv", &[310, 0]),
        ("process_vm_writev", &[311, 0]),
        ("personality", &[135, 0xffff_ffff]),
        ("open_by_handle_at", &[304, 0]),
        ("init_module", &[175, 0]),
        ("finit_module", &[313, 0]),
        ("kexec_load", &[246, 0]),
        ("reboot", &[169, 0]),
        ("swapon", &[167, 0]),
        ("acct", &[163, 0]),
        ("syslog", &[103, 10]),
        ("memfd_create", &[319, 0]),
        ("mknod", &[133, 0]),
        ("symlink", &[88, 0]),
        ("link", &[86, 0]),
        ("chmod", &[90, 0]),
        ("setuid", &[105, 0]),
        ("inotify_init", &[253]),
        ("shmget", &[29, 0, 4096, 0o1600]),
        ("msgget", &[68, 0, 0o1600]),
        ("semget", &[64, 0, 1, 0o1600]),
        ("execve", &[59, 0]),
        ("execveat", &[322, 0]),
        ("fork", &[57]),
        ("vfork", &[58]),
        ("prctl", &[157, 15, 0]),
        ("seccomp", &[317, 1, 0, 0]),
        ("statfs", &[137, 0]),
        ("kill by SIGKILL", &[62, 1, 9]),
        ("clone of a process", &[56, 17]),
        ("clone with a namespace", &[56, 0x1000_0000 | 17]),
        ("pidfd_open", &[434, 1, 0]),
        ("fsopen", &[430, 0]),
        ("landlock_create_ruleset", &[444, 0, 0, 1]),
    ];
    let numbers: Vec<&[i64]> = calls.iter().map(|(_, call)| *call).collect();
    let source = "c = reach('ctypes')\nlibc = c.CDLL(None, use_errno=True)\ndef call(n):\n    c.set_errno(0)\n    r = libc.syscall(*[c.c_long(x) for x in n])\n    return c.get_errno() if r == -1 else 'allowed'\nresult = [[call(n) for n in params['calls']], call([435, 0, 0])]";
    if !cfg!(target_arch = "x86_64") {
        return;
    }
    let input = Input::new().param("calls", json!(numbers));
    let found = run_with(&reaching(source), &input, &limits()).await.result.unwrap();
    for ((name, _), answer) in calls.iter().zip(found[0].as_array().unwrap()) {
        // EPERM, or ENOSYS for what is newer than the engine's own list.
        assert!([json!(1), json!(38)].contains(answer), "{name}: {answer}");
    }
    assert_eq!(found[1], 38, "clone3");
}

#[tokio::test]
async fn processes_cannot_be_made_and_threads_are_counted() {
    let source = "import time\nthreading = reach('threading')\nmade = 0\nstop = threading.Event()\ntry:\n    for _ in range(100):\n        threading.Thread(target=stop.wait, daemon=True).start()\n        made += 1\nexcept RuntimeError as error:\n    result = [made, str(error)]\nstop.set()";
    let source = reaching(&source.replace("import time\n", ""));
    let outcome = run_with(&source, &Input::new(), &limits().pids(20)).await;
    let found = outcome.result.unwrap();
    assert_eq!(found, json!([19, "can't start new thread"]));
}

#[tokio::test]
async fn no_path_leads_to_the_host() {
    let source = "io = reach('io')\nfound = []\nseen = 0\nfor root, dirs, files in os.walk('/', followlinks=False):\n    if root.startswith(('/proc/', '/usr/lib/python', '/usr/lib/cofferdam/', '/usr/share')): dirs.clear()\n    seen += 1\n    for name in files + dirs:\n        path = root.rstrip('/') + '/' + name\n        if 'docker' in name or name in ('hostname', 'resolv.conf', 'hosts'): found.append(path)\nresult = [seen > 5, sorted(p for p in found if 'docker' in p), os.path.exists('/bin/sh'), dict(os.environ), os.uname().nodename, os.listdir('/sys'), os.path.exists('/dev/shm'), [n for n in ('kcore', 'cmdline', 'kallsyms') if os.path.exists('/proc/' + n) and io.open('/proc/' + n, 'rb').read(1)], os.readlink('/proc/self/exe').startswith('/usr/bin/python3')]";
    // An empty mark of the engine's, and its init process.
    let found = reach(source).await;
    assert_eq!(
        found,
        json!([true, ["/.dockerenv", "/sbin/docker-init"], false, {}, "sandbox", [], false, [], true])
    );
}

#[tokio::test]
async fn limits_of_the_process_cannot_be_raised() {
    let source = "r = reach('resource')\nout = []\nfor limit in (r.RLIMIT_DATA, r.RLIMIT_NOFILE, r.RLIMIT_FSIZE, r.RLIMIT_CORE):\n    hard = r.getrlimit(limit)[1]\n    try:\n        r.setrlimit(limit, (hard + 1, hard + 1))\n        out.append('raised')\n    except (ValueError, OSError):\n        out.append('kept')\nresult = out";
    assert_eq!(reach(source).await, json!(["kept", "kept", "kept", "kept"]));
}

#[tokio::test]
async fn a_crash_of_the_interpreter_costs_the_program_its_container() {
    for (source, said) in [
        ("c = reach('ctypes')\nc.string_at(0)", "SIGSEGV"),
        ("os.abort()", "SIGABRT"),
        ("os._exit(0)", "exit code 0"),
        ("os._exit(7)", "exit code 7"),
    ] {
        match run(&reaching(source)).await.result.unwrap_err() {
            Error::Crashed { message } => assert!(message.contains(said), "{source}: {message}"),
            other => panic!("{source}: {other}"),
        }
    }
}
