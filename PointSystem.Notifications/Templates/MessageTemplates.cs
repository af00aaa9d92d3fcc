using System.Globalization;
using System.Reflection;
using Fluid;
using Microsoft.Extensions.Options;
using PointSystem.Notifications.Sending;

namespace PointSystem.Notifications.Templates;

/// <summary>
/// The texts of messages in Liquid, one file for each language and type of event: the subject in the first line, the text after the second. The files of
/// <see cref="NotificationOptions.TemplateDirectory"/> replace the built-in ones.
/// </summary>
internal sealed class MessageTemplates
{
    private const string LanguageDefault = "ko";

    private static readonly Dictionary<string, CultureInfo> Cultures = new(StringComparer.Ordinal)
    {
        [LanguageDefault] = CultureInfo.GetCultureInfo("ko-KR"),
        ["en"] = CultureInfo.GetCultureInfo("en-US"),
    };

    // What a template may show of an event. An amount is without its sign: the template knows what happened.
    private static readonly string[] Texts = ["orderNumber", "reason", "expirationDate"];
    private static readonly string[] Numbers = ["amount", "balanceAfter", "expiringAmount", "daysAhead"];

    private readonly Dictionary<(string Language, string Type), (IFluidTemplate Subject, IFluidTemplate Text)> _templates = [];
    private readonly TemplateOptions _options = new();
    private readonly TimeZoneInfo _zone;

    /// <exception cref="OptionsValidationException">A template cannot be parsed; the message names the file.</exception>
    public MessageTemplates(IOptions<NotificationOptions> options)
    {
        _zone = TimeZoneInfo.FindSystemTimeZoneById(options.Value.TimeZone);
        var parser = new FluidParser();
        foreach (var language in Cultures.Keys)
        {
            foreach (var type in EventKinds.Types)
            {
                var name = $"{language}/{type}.liquid";
                var parts = ReadFile(name, options.Value.TemplateDirectory).ReplaceLineEndings("\n").Split('\n', 3);
                if (parts is not [var subject, "", var text])
                {
                    throw Fault(name, "it must have the subject in its first line, an empty line, and the text");
                }

                _templates[(language, type)] = (Parse(parser, name, subject), Parse(parser, name, text));
            }
        }
    }

    /// <summary>Renders the message about an event in a language, or in Korean if there is none for it.</summary>
    public async Task<Message> RenderAsync(Notification notification, string address, string language)
    {
        language = Cultures.ContainsKey(language) ? language : LanguageDefault;
        var context = new TemplateContext(_options) { CultureInfo = Cultures[language], TimeZone = _zone };
        foreach (var field in notification.Data.EnumerateObject())
        {
            // What is not set counts as false in a condition; an empty text would not.
            if (Texts.Contains(field.Name))
            {
                context.SetValue(field.Name, field.Value.GetString());
            }
            else if (Numbers.Contains(field.Name))
            {
                context.SetValue(field.Name, Math.Abs(field.Value.GetInt64()));
            }
        }

        context.SetValue("memberId", notification.MemberId);
        context.SetValue("occurredAt", TimeZoneInfo.ConvertTime(notification.OccurredAt, _zone));
        context.SetValue("isReceived", notification.Data.TryGetProperty("toMemberId", out var receiver) && receiver.GetInt64() == notification.MemberId);
        var (subjectTemplate, textTemplate) = _templates[(language, notification.EventType)];
        var subject = await subjectTemplate.RenderAsync(context);
        return new Message(notification, address, string.Join(' ', subject.Split((char[])['\r', '\n'], StringSplitOptions.RemoveEmptyEntries)), await textTemplate.RenderAsync(context));
    }

    private static string ReadFile(string name, string? directory)
    {
        if (directory is { Length: > 0 } && Path.Combine(directory, name) is var file && File.Exists(file))
        {
            return File.ReadAllText(file);
        }

        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name) ?? throw Fault(name, "it is missing");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static IFluidTemplate Parse(FluidParser parser, string name, string text) =>
        parser.TryParse(text, out var template, out var error) ? template : throw Fault(name, error);

    private static OptionsValidationException Fault(string name, string fault) =>
        new(name, typeof(MessageTemplates), [$"The template {name} cannot be used: {fault}."]);
}
