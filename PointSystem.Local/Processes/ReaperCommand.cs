using System.Globalization;

namespace PointSystem.Local.Processes;

/// <summary>
/// The verb <c>reaper</c>: knows every child of the runner and ends what is left of them when the pipe from the runner closes,
/// which it does even when the runner is killed outright.
/// </summary>
internal static class ReaperCommand
{
    public const string Name = "reaper";
    public const string Acknowledgement = "ok";

    // Our own programs end with their input; a moment to do so in order before signals follow.
    private static readonly TimeSpan OwnEnd = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan OrderlyEnd = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan HardEnd = TimeSpan.FromSeconds(1);

    public static string Track(ProcessIdentity process, ProcessSpec spec) => string.Create(
        CultureInfo.InvariantCulture,
        $"+ {process.ProcessId} {process.StartedAtMilliseconds} {(int)spec.Order} {spec.StopSignal} {(spec.EndsWithInput ? 1 : 0)}");

    public static string Forget(ProcessIdentity process) => string.Create(CultureInfo.InvariantCulture, $"- {process.ProcessId}");

    public static async Task<int> RunAsync(TextReader input, TextWriter output, CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsWindows())
        {
            // Ctrl+C is for the runner; this one goes when the runner has gone.
            Native.StartSession();
        }
        var tracked = new Dictionary<int, Entry>();
        while (await input.ReadLineAsync(cancellationToken) is { } line)
        {
            Apply(tracked, line.Split(' '));
            await output.WriteLineAsync(Acknowledgement.AsMemory(), cancellationToken);
            await output.FlushAsync(cancellationToken);
        }
        foreach (var group in tracked.Values.GroupBy(entry => entry.Order).OrderBy(group => group.Key))
        {
            await Task.WhenAll(group.Select(entry => EndAsync(entry, cancellationToken)));
        }
        return 0;
    }

    private static void Apply(Dictionary<int, Entry> tracked, string[] fields)
    {
        var processId = Number(fields[1]);
        if (fields[0] == "-")
        {
            tracked.Remove((int)processId);
            return;
        }
        tracked[(int)processId] = new Entry(
            new ProcessIdentity((int)processId, Number(fields[2])), (int)Number(fields[3]), (int)Number(fields[4]), fields[5] == "1");
    }

    private static async Task EndAsync(Entry entry, CancellationToken cancellationToken)
    {
        var process = entry.Process;
        if (entry.EndsWithInput && await process.WaitForEndAsync(OwnEnd, cancellationToken))
        {
            return;
        }
        if (!OperatingSystem.IsWindows())
        {
            process.Signal(entry.StopSignal);
            // A stopped process sees no other signal until it is continued.
            process.Signal(Native.SigContinue);
            if (await process.WaitForEndAsync(OrderlyEnd, cancellationToken))
            {
                return;
            }
        }
        process.Kill();
        await process.WaitForEndAsync(HardEnd, cancellationToken);
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private sealed record Entry(ProcessIdentity Process, int Order, int StopSignal, bool EndsWithInput);
}
