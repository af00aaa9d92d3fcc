using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace PointSystem.ServiceDefaults;

/// <summary>
/// Writes each log entry to the console as one line, with the messages of its exceptions. The stack trace follows at most once a second
/// per kind of failure: in an outage every request fails in the same way, and a stack trace for each would hide everything else.
/// </summary>
/// <remarks>Control characters in a message are written as spaces, so that no request can fake a log entry.</remarks>
public sealed class OneLineConsole(TimeProvider time) : ConsoleFormatter(FormatterName)
{
    /// <summary>Value of <c>Logging:Console:FormatterName</c> for this formatter.</summary>
    public const string FormatterName = "one-line";

    private static readonly TimeSpan StackPause = TimeSpan.FromSeconds(1);

    // By category, event and exception types, of which there are few.
    private readonly ConcurrentDictionary<string, long> _stackAt = new(StringComparer.Ordinal);

    /// <inheritdoc />
    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        ArgumentNullException.ThrowIfNull(textWriter);
        var message = logEntry.Formatter?.Invoke(logEntry.State, logEntry.Exception);
        if (message is null && logEntry.Exception is null)
        {
            return;
        }

        textWriter.Write(NameOf(logEntry.LogLevel));
        textWriter.Write(": ");
        textWriter.Write(logEntry.Category);
        textWriter.Write(string.Create(CultureInfo.InvariantCulture, $"[{logEntry.EventId.Id}] "));
        WriteOnOneLine(textWriter, message);
        for (var exception = logEntry.Exception; exception is not null; exception = exception.InnerException)
        {
            textWriter.Write(" | ");
            textWriter.Write(exception.GetType().Name);
            textWriter.Write(": ");
            WriteOnOneLine(textWriter, exception.Message);
        }

        textWriter.WriteLine();
        if (logEntry.Exception is { } failure && IsStackDue(logEntry.Category, logEntry.EventId.Id, failure))
        {
            foreach (var line in failure.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                textWriter.Write("      ");
                WriteOnOneLine(textWriter, line);
                textWriter.WriteLine();
            }
        }
    }

    private bool IsStackDue(string category, int eventId, Exception failure)
    {
        var kind = string.Create(CultureInfo.InvariantCulture, $"{category}[{eventId}] {failure.GetType()} {failure.GetBaseException().GetType()}");
        var now = time.GetTimestamp();
        if (_stackAt.TryAdd(kind, now))
        {
            return true;
        }

        var last = _stackAt[kind];
        return time.GetElapsedTime(last, now) >= StackPause && _stackAt.TryUpdate(kind, now, last);
    }

    private static void WriteOnOneLine(TextWriter writer, string? text)
    {
        foreach (var c in text ?? "")
        {
            writer.Write(char.IsControl(c) || c is '\u2028' or '\u2029' ? ' ' : c);
        }
    }

    private static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace => "trce",
        LogLevel.Debug => "dbug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "fail",
        _ => "crit",
    };
}

/// <summary>Registration of <see cref="OneLineConsole"/>.</summary>
public static class OneLineConsoleExtensions
{
    /// <summary>
    /// Writes the console log with <see cref="OneLineConsole"/>, unless <c>Logging:Console:FormatterName</c> names another formatter.
    /// </summary>
    public static IHostApplicationBuilder AddOneLineConsole(this IHostApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Logging.Services.AddSingleton<ConsoleFormatter>(services =>
            new OneLineConsole(services.GetService<TimeProvider>() ?? TimeProvider.System));
        if (string.IsNullOrEmpty(builder.Configuration["Logging:Console:FormatterName"]))
        {
            builder.Services.PostConfigure<ConsoleLoggerOptions>(console => console.FormatterName = OneLineConsole.FormatterName);
        }

        return builder;
    }
}
